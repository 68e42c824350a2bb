"use strict";
// A sentence of the summary and its sources carry the same data-sentence; choosing one shows the other.
// Without this script the links still lead there and back.
function choose(from) {
  const same = document.querySelectorAll(`[data-sentence="${from.dataset.sentence}"]`);
  for (const shown of document.querySelectorAll(".chosen")) shown.classList.remove("chosen");
  for (const one of same) one.classList.add("chosen");
  const wanted = from.tagName === "MARK" ? "A" : "MARK";
  const target = [...same].find((one) => one.tagName === wanted && !one.closest(".strip"));
  if (!target) return;
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  target.scrollIntoView({ block: "center", behavior: still ? "auto" : "smooth" });
  target.focus({ preventScroll: true });
}
document.addEventListener("click", (event) => {
  const from = event.target.closest("[data-sentence]");
  if (!from) return;
  event.preventDefault();
  choose(from);
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.tagName === "MARK") choose(event.target);
});
