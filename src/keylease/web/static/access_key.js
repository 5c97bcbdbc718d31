// Optional: copying by button, and one submit only. Without this file the values are there to be selected.
const said = document.getElementById("said");

for (const button of document.querySelectorAll("[data-copy]")) {
  const field = document.getElementById(button.dataset.copy);
  const label = button.querySelector("span");
  const words = label.innerHTML;
  button.hidden = false;
  button.addEventListener("click", async () => {
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
      label.textContent = said.textContent = "Copied";
      setTimeout(() => { label.innerHTML = words; }, 1600);
    } catch {
      said.textContent = "Copying is blocked here. The value is selected: press Ctrl+C or Command+C.";
      field.focus();
    }
  });
}

// A second press would ask for what is shown only once.
for (const form of document.querySelectorAll("form[data-once]")) {
  form.addEventListener("submit", () => { form.querySelector("button").disabled = true; });
}

addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
