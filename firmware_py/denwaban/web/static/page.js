// Small helps; every form works without them.
"use strict";

// Play from where an utterance begins.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-from]");
  const sound = document.getElementById("sound");
  if (!button || !sound) return;
  sound.currentTime = Number(button.dataset.from);
  sound.play();
});

// A box that does not answer is said to be away, until it answers again.
const away = (yes) => { document.getElementById("offline").hidden = !yes; };
document.addEventListener("htmx:sendError", () => away(true));
document.addEventListener("htmx:timeout", () => away(true));
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.xhr && event.detail.xhr.status) away(false);
});

// An error's plain words are shown as well, not swallowed.
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.xhr.status >= 400) event.detail.shouldSwap = true;
});
