// <input data-confirm-name="acme/api">: the submit button of its form waits until exactly this was typed.

function update(input) {
  const button = input.form?.querySelector("[type=submit]");
  if (button) button.disabled = input.value.trim() !== input.dataset.confirmName;
}

document.addEventListener("input", (event) => {
  if (event.target.matches("[data-confirm-name]")) update(event.target);
});

const updateAll = () => document.querySelectorAll("[data-confirm-name]").forEach(update);
document.addEventListener("htmx:afterSettle", updateAll);
window.addEventListener("pageshow", updateAll);
updateAll();
