// The page of its own that replays one run: mounts the canvas on the state in it, and lets the arrow keys step.

{
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const follow = () => document.documentElement.classList.toggle("dark", dark.matches);
  dark.addEventListener("change", follow);
  follow();

  const scrub = document.querySelector(".tc-scrub");
  window.lladav.mount(document.querySelector(".canvas"), JSON.parse(document.getElementById("state").textContent));

  document.addEventListener("keydown", ({ key, target }) => {
    if (target !== document.body || !["ArrowLeft", "ArrowRight"].includes(key)) return;
    if (key === "ArrowLeft") scrub.stepDown();
    else scrub.stepUp();
    scrub.dispatchEvent(new Event("input", { bubbles: true }));
  });
}
