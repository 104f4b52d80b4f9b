// <button data-dismiss> inside a .message: takes the message away.

document.addEventListener("click", (event) => {
  event.target.closest("[data-dismiss]")?.closest(".message")?.remove();
});
