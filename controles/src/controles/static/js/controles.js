/* Small comforts. Every page works without this file. */
"use strict";

// A menu closes on Escape and on a click elsewhere.
for (const menu of document.querySelectorAll("[data-menu], [data-dropdown]")) {
  document.addEventListener("click", (event) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
}

// What went wrong is read out and scrolled to.
document.querySelector("[data-focus]")?.focus();

// A second click on a slow connection must not look like a second payment; the server refuses it in any case.
for (const form of document.querySelectorAll("form[method=post]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "1";
    event.submitter?.setAttribute("aria-disabled", "true");
  });
}
// A page that the browser kept must let its form be sent again.
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    form.querySelector("[aria-disabled]")?.removeAttribute("aria-disabled");
  }
});

// A changed filter applies itself.
for (const form of document.querySelectorAll("form[data-auto]")) {
  form.addEventListener("change", (event) => {
    if (event.target.matches("select, input[type=checkbox]")) form.requestSubmit();
  });
}

// Results while typing: the server sends the same fragment that the page shows without it.
for (const input of document.querySelectorAll("input[data-results]")) {
  const target = document.getElementById(input.dataset.results);
  let timer = 0;
  let asked = "";
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      const text = input.value.trim();
      asked = text;
      if (text.length < 2) {
        target.replaceChildren();
        return;
      }
      // In the body: an address with a name in it stays in logs.
      const answer = await fetch(input.dataset.url, {
        method: "POST",
        body: new URLSearchParams({ busca: text, csrf_token: input.form.elements.csrf_token.value }),
        headers: { "X-Requested-With": "fetch" },
      });
      // A slow answer to an earlier text must not replace a newer one.
      if (answer.ok && !answer.redirected && asked === text) target.innerHTML = await answer.text();
    }, 220);
  });
}

// The amount follows the ticked months until somebody types another one.
const amount = document.querySelector("input[data-sum]");
if (amount) {
  const picks = [...document.querySelectorAll("input[data-centavos]")];
  let typed = amount.value !== amount.dataset.sum;
  amount.addEventListener("input", () => (typed = true));
  for (const pick of picks) {
    pick.addEventListener("change", () => {
      if (typed) return;
      const total = picks.filter((p) => p.checked).reduce((sum, p) => sum + Number(p.dataset.centavos), 0);
      amount.value = total ? (total / 100).toLocaleString("pt-BR", { minimumFractionDigits: 2 }) : "";
    });
  }
}

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}

// What has to be sent elsewhere is selected with a click, and copied with a button where the browser may.
for (const input of document.querySelectorAll("input[data-select]")) {
  input.addEventListener("focus", () => input.select());
}
for (const button of document.querySelectorAll("button[data-copy]")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).value);
    button.textContent = "Copiado";
  });
}

// Totals that take longer than their page come after it. The cookie says that this browser fetches them; without an
// answer, the link that stands in their place is left.
document.cookie = `controles_script=1; path=/; SameSite=Lax${location.protocol === "https:" ? "; Secure" : ""}`;
for (const place of document.querySelectorAll("[data-late]")) {
  (async () => {
    const answer = await fetch(place.dataset.late, { headers: { "X-Requested-With": "fetch" } });
    if (!answer.ok || answer.redirected) return;
    const parts = document.createElement("template");
    parts.innerHTML = await answer.text();
    for (const part of [...parts.content.children]) document.getElementById(part.id)?.replaceWith(part);
  })().catch(() => {});
}
