// <button popovertarget="id"> of a <dialog popover>: the browser opens it by itself; here it becomes a modal one,
// so that the focus stays inside. A dialog with data-open (a form that came back with errors) opens at once.

function openModal(dialog) {
  // A modal dialog must not be a popover at the same time.
  dialog.removeAttribute("popover");
  dialog.showModal();
  dialog.querySelector("input:not([type=hidden]), textarea, select")?.focus();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[popovertarget]");
  const dialog = button && document.getElementById(button.getAttribute("popovertarget"));
  if (dialog instanceof HTMLDialogElement) {
    event.preventDefault();
    if (button.getAttribute("popovertargetaction") === "hide") dialog.close();
    else openModal(dialog);
  } else if (event.target instanceof HTMLDialogElement && event.target.open) {
    event.target.close(); // A click on the backdrop.
  }
});

for (const dialog of document.querySelectorAll("dialog[data-open]")) openModal(dialog);
