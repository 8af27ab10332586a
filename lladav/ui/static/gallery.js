// Cards of recorded runs; a click triggers `pick` with the run's index.
//
// value: {title, cards: [{picture, question, settings}, …]}
// Only textContent and the pictures' src carry data.

const cards = element.querySelector(".ga-cards");

function part(tag, className, text) {
  const el = document.createElement(tag);
  el.className = className;
  if (text !== undefined) el.textContent = text;
  return el;
}

function card({ picture, question, settings }, index) {
  const button = part("button", "ga-card"), image = part("img", "ga-picture");
  button.type = "button";
  image.src = picture;
  image.alt = "";
  button.append(image, part("span", "ga-question", question), part("span", "ga-settings", settings));
  button.addEventListener("click", () => trigger("pick", { index }));
  return button;
}

function paint() {
  element.querySelector(".ga-title").textContent = props.value.title;
  cards.replaceChildren(...props.value.cards.map(card));
}

watch("value", paint);
paint();
