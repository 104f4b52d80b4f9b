// <button data-reveal aria-controls="id">: shows what was typed into a password field, until the form is sent.

function toggle(button) {
  const input = document.getElementById(button.getAttribute("aria-controls"));
  const shown = input.type === "text";
  input.type = shown ? "password" : "text";
  button.setAttribute("aria-pressed", String(!shown));
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-reveal]");
  if (button) toggle(button);
});

document.addEventListener("submit", (event) => {
  // Password managers store only what stands in a password field.
  for (const button of event.target.querySelectorAll('[data-reveal][aria-pressed="true"]')) toggle(button);
});
