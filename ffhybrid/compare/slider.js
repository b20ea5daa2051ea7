"use strict";
const { rates, names, opening } = JSON.parse(document.getElementById("views").textContent);
const by = id => document.getElementById(id);
const stills = by("stills"), slider = by("slider");
const chosen = { left: opening[0], right: opening[1] };
const named = name => name[0].toUpperCase() + name.slice(1);

/* Views of the two names that are chosen, the greatest difference first. */
function candidates() {
  return rates[by("rate").value].views.filter(view => chosen.left in view.errors && chosen.right in view.errors);
}

function better(view) {
  const { left, right } = chosen;
  const difference = view.errors[left] - view.errors[right];
  return difference ? (difference < 0 ? left : right) : null;
}

function fill(select, labels) {
  select.replaceChildren(...labels.map((label, index) => new Option(label, index)));
}

function listPlaces() {
  fill(by("place"), candidates().map((view, index) => {
    const name = better(view);
    if (!name) return "they differ nowhere; the worst of both";
    return index ? `${name} is better by most` : `they differ most; ${name} is better`;
  }));
  by("place").disabled = by("place").length < 2;
  show();
}

function load(image, view, name) {
  image.src = view.images[name];
  image.alt = `${named(name)}, frame ${view.frame}, at twofold size`;
}

function show() {
  const view = candidates()[by("place").value], { left, right } = chosen;
  const { place, window: cut } = view;
  const lengths = {
    width: cut.width, height: cut.height, middle: place.x - cut.x + place.width / 2,
    "place-x": place.x - cut.x, "place-y": place.y - cut.y, "place-width": place.width, "place-height": place.height,
  };
  for (const [name, samples] of Object.entries(lengths)) stills.style.setProperty(`--${name}`, `${2 * samples}px`);
  load(by("left-image"), view, left);
  load(by("right-image"), view, right);
  load(by("source-image"), view, "source");
  by("beside").hidden = left === "source" || right === "source";
  by("left-tag").textContent = left;
  by("right-tag").textContent = right;
  const errors = [left, right].filter(name => name !== "source").map(name => `${name} ${view.errors[name].toFixed(2)}`);
  by("facts").textContent = `Frame ${view.frame} (${view.seconds.toFixed(2)} s), ${place.width}x${place.height} samples ` +
    `at column ${place.x}, row ${place.y}. Oklab error there: ${errors.join(", ")}.`;
  move(Number(slider.ariaValueNow));
}

function move(percent) {
  const value = Math.round(Math.min(Math.max(percent, 0), 100));
  slider.ariaValueNow = value;
  slider.ariaValueText = `${value} % ${chosen.left}, ${100 - value} % ${chosen.right}`;
  stills.style.setProperty("--split", `${value}%`);
}

function choose(side, other) {
  const before = chosen[side];
  chosen[side] = names[by(side).value];
  if (chosen[side] === chosen[other]) chosen[other] = before;
  by(other).value = names.indexOf(chosen[other]);
  listPlaces();
}

function drag(event) {
  const box = by("stage").getBoundingClientRect();
  move(100 * (event.clientX - box.left) / box.width);
}

const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10, Home: -100, End: 100 };
slider.onkeydown = event => {
  if (!(event.key in steps) || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  move(Number(slider.ariaValueNow) + steps[event.key]);
};
by("stage").onpointerdown = event => {
  if (event.button) return;
  event.preventDefault();
  by("stage").setPointerCapture(event.pointerId);
  slider.focus({ preventScroll: true });
  drag(event);
};
by("stage").onpointermove = event => { if (by("stage").hasPointerCapture(event.pointerId)) drag(event); };
by("rate").onchange = listPlaces;
by("place").onchange = show;
by("left").onchange = () => choose("left", "right");
by("right").onchange = () => choose("right", "left");

fill(by("rate"), rates.map(({ rate }) => rate));
for (const side of ["left", "right"]) {
  fill(by(side), names);
  by(side).value = names.indexOf(chosen[side]);
}
listPlaces();
