// While the canvas plays a run, the chat's last bubble shows the same step: the server is often done long before.
// The bubble's own text stays untouched underneath; the step on show is laid over it by page.css.
(() => {
  let shown = "";

  // The chat component reads HTML; see text_block in conversation.py.
  function escaped(text) {
    return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  }

  function lastBubble() {
    const bubbles = document.querySelectorAll("#conversation .message.bot .message-content");
    return bubbles[bubbles.length - 1];
  }

  function clear(except) {
    for (const el of document.querySelectorAll("[data-refining]")) if (el !== except) delete el.dataset.refining;
  }

  document.addEventListener("tokencanvas:shown", ({ target, detail }) => {
    if (!target.closest("#canvas")) return;
    shown = detail.text;
    const bubble = detail.live ? lastBubble() : null;
    clear(bubble);
    if (bubble) bubble.dataset.refining = detail.text;
    // The canvas announces the finished answer once; the chat must not read out every step as well.
    document.querySelector("#conversation [role=log]")?.setAttribute("aria-live", "off");
  });

  // A saved run that is dropped anywhere on the page is opened, as if it had been chosen with the button for it.
  function droppedRun(event) {
    const files = event.dataTransfer?.files ?? [];
    return files.length === 1 && files[0].name.toLowerCase().endsWith(".json") ? files : null;
  }

  addEventListener("dragover", (event) => event.dataTransfer?.types.includes("Files") && event.preventDefault());
  addEventListener("drop", (event) => {
    const files = droppedRun(event), input = document.querySelector("#take-away input[type=file]");
    if (!files || !input) return;
    event.preventDefault();
    event.stopPropagation();
    input.files = files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  }, { capture: true });

  Object.assign(window.lladav ??= {}, {
    // Download a file that the server has made.
    save(file) {
      const link = document.createElement("a");
      link.href = file.url;
      link.download = file.orig_name;
      link.click();
    },
    // Stop: what is on show becomes the answer.
    keep(chat) {
      document.querySelector("#canvas .tc").dispatchEvent(new Event("tokencanvas:stop"));
      const last = chat[chat.length - 1];
      return [...chat.slice(0, -1), { ...last, content: [{ type: "text", text: escaped(shown) }] }];
    },
  });
})();
