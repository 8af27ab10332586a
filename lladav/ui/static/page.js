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

  window.lladav = {
    // Stop: what is on show becomes the answer.
    keep(chat) {
      document.querySelector("#canvas .tc").dispatchEvent(new Event("tokencanvas:stop"));
      const last = chat[chat.length - 1];
      return [...chat.slice(0, -1), { ...last, content: [{ type: "text", text: escaped(shown) }] }];
    },
  };
})();
