// <time data-relative datetime="…">: keeps "3 minutes ago" true while the page stays open.

const STEPS = [
  ["year", 31536000],
  ["month", 2592000],
  ["week", 604800],
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60],
];
const EVERY = 30000;
const format = new Intl.RelativeTimeFormat(document.documentElement.lang || "en", { numeric: "always" });

function relative(seconds) {
  for (const [unit, length] of STEPS) {
    if (Math.abs(seconds) >= length) return format.format(Math.trunc(seconds / length), unit);
  }
  return null; // "just now", as the server wrote it
}

function updateAll() {
  for (const element of document.querySelectorAll("time[data-relative]")) {
    const text = relative((Date.parse(element.dateTime) - Date.now()) / 1000);
    if (text) element.textContent = text;
  }
}

setInterval(updateAll, EVERY);
