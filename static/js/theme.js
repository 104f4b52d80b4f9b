// <form data-theme-form>: changes light, dark or system without loading a page. Without script the form is posted.

const YEAR = 365 * 24 * 60 * 60;

function apply(theme) {
  document.documentElement.dataset.theme = theme;
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `theme=${theme}; path=/; max-age=${YEAR}; samesite=lax${secure}`;
  for (const button of document.querySelectorAll("[data-theme-form] button")) {
    button.setAttribute("aria-pressed", String(button.value === theme));
  }
}

document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-theme-form]")) return;
  event.preventDefault();
  apply(event.submitter.value);
  event.target.closest("details")?.removeAttribute("open");
});
