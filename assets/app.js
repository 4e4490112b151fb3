// filo's own script: everything works without it; with it pages are live,
// values are copied with one touch, and drafts survive a lost connection.
const $ = (s, e = document) => [...e.querySelectorAll(s)];

for (const b of $("[data-copy]")) {
  b.addEventListener("click", async () => {
    await navigator.clipboard.writeText(b.dataset.copy);
    const old = b.textContent;
    b.textContent = b.dataset.done;
    setTimeout(() => { b.textContent = old; }, 1500);
  });
}

// Buttons that only a script can serve show up only with it.
for (const b of $("[data-print]")) {
  b.hidden = false;
  b.addEventListener("click", () => window.print());
}

// On a phone the sections fold behind a button; without a script they stay open.
const menu = document.getElementById("menu");
if (menu) {
  const nav = document.getElementById("sections");
  nav.classList.add("shut");
  menu.hidden = false;
  menu.addEventListener("click", () => {
    menu.setAttribute("aria-expanded", String(!nav.classList.toggle("shut")));
  });
}

// A form that cannot be undone asks once.
for (const f of $("form[data-ask]")) {
  f.addEventListener("submit", (e) => { if (!confirm(f.dataset.ask)) e.preventDefault(); });
}

// What is typed is kept in this browser until the node took it: a form that was
// sent over a lost line, or after the session ended, is found filled in again.
const sent = sessionStorage.getItem("filo:sent");
if (sent && !$("form[data-draft]").some((f) => f.dataset.draft === sent) && !document.querySelector('form[action^="/entra"]')) {
  sessionStorage.removeItem("filo:" + sent);
  sessionStorage.removeItem("filo:sent");
}
for (const f of $("form[data-draft]")) {
  const key = "filo:" + f.dataset.draft;
  const kept = JSON.parse(sessionStorage.getItem(key) || "{}");
  for (const i of $("textarea, input[type=text]", f)) {
    if (!i.value && kept[i.name]) i.value = kept[i.name];
    i.addEventListener("input", () => { kept[i.name] = i.value; sessionStorage.setItem(key, JSON.stringify(kept)); });
  }
  f.addEventListener("submit", () => sessionStorage.setItem("filo:sent", f.dataset.draft));
}

// One key takes the first waiting report, j and k move through the queue.
const rows = $("[data-row]");
if (rows.length) {
  let at = -1;
  document.addEventListener("keydown", (e) => {
    if (e.target.matches("input, textarea, select") || e.ctrlKey || e.metaKey || e.altKey) return;
    if (e.key === "j" || e.key === "k") {
      at = Math.min(rows.length - 1, Math.max(0, at + (e.key === "j" ? 1 : -1)));
      $("a", rows[at])[0].focus();
    }
    if (e.key === "p" && at >= 0) $("form button", rows[at])[0]?.click();
  });
}

// Live: the stream says only "look"; the page offers to be read again, so that
// nothing jumps while somebody reads.
const news = document.getElementById("news");
const lost = document.getElementById("lost");
if (news && window.EventSource) {
  const es = new EventSource("/live");
  let first = true;
  es.addEventListener("change", () => {
    if (first) { first = false; return; }
    news.hidden = false;
  });
  es.onopen = () => { lost.hidden = true; };
  es.onerror = () => { lost.hidden = false; };
  window.addEventListener("pagehide", () => es.close());
  $("button", news)[0].addEventListener("click", () => location.reload());
}
// Passkeys: the browser speaks with the device, the node checks.
async function post(url, body) {
  const res = await fetch(url, { method: "POST", headers: { "Content-Type": "application/json" }, body });
  const out = await res.json();
  if (!res.ok) throw new Error(out.error);
  return out;
}
for (const b of $("[data-passkey]")) {
  if (!window.PublicKeyCredential?.parseCreationOptionsFromJSON) { b.hidden = true; continue; }
  const add = b.dataset.passkey === "add";
  const base = add ? "/account/passkey/" : "/entra/passkey/";
  b.addEventListener("click", async () => {
    const err = document.getElementById("passkey-error");
    err.hidden = true;
    try {
      const { publicKey } = await post(base + "inizia", "{}");
      const key = add
        ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(publicKey) })
        : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(publicKey) });
      location.href = (await post(base + "fine", JSON.stringify(key.toJSON()))).to;
    } catch (e) {
      if (e.name === "NotAllowedError") return; // the person changed their mind
      err.textContent = e.message;
      err.hidden = false;
    }
  });
}
document.documentElement.dataset.ready = "1";
