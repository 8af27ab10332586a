// The Share button: puts the settings of the open tab into the page's address, and copies that.
(() => {
  const SHOWN_FOR = 2500;                  // milliseconds that "Link copied" stands on the button

  function openTab() {
    return document.querySelector("#tabs [role=tab][aria-selected=true]").dataset.tabId;
  }

  function link(names, values) {
    const query = new URLSearchParams({ tab: openTab() });
    names.forEach(([tab, name], index) => tab === openTab() && query.set(name, values[index]));
    return `${location.origin}${location.pathname}?${query}`;
  }

  function announce(button, text) {
    button.dataset.label ??= button.textContent;
    button.textContent = text;
    clearTimeout(button.timer);
    button.timer = setTimeout(() => { button.textContent = button.dataset.label; }, SHOWN_FOR);
  }

  // Where the clipboard cannot be had: the link itself, selected, to be copied by hand.
  function show(button, address) {
    const field = document.querySelector("#share-link") ?? document.createElement("input");
    Object.assign(field, { id: "share-link", readOnly: true, value: address, ariaLabel: "Link to these settings" });
    field.addEventListener("blur", () => field.remove(), { once: true });
    button.after(field);
    field.focus();
    field.select();
  }

  (window.lladav ??= {}).share = async (names, values) => {
    const button = document.querySelector("#share"), address = link(names, values);
    history.replaceState(null, "", address);
    try {
      await navigator.clipboard.writeText(address);
      announce(button, "Link copied");
    } catch {
      show(button, address);
      announce(button, "Copy this link");
    }
  };
})();
