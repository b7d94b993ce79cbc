// The phone page: shows what arrives, sends what is typed.
const phone = document.querySelector("[data-phone]");
if (phone) {
  const path = phone.dataset.phone;
  const list = phone.querySelector("[data-bubbles]");
  const scroll = phone.querySelector("[data-scroll]");
  const toEnd = () => { scroll.scrollTop = scroll.scrollHeight; };
  toEnd();
  list.addEventListener("load", toEnd, true);

  // Only bubbles that changed are replaced, so that screen readers hear the new ones only.
  const shown = new Map();
  const wasBlocked = !phone.querySelector("[data-composer]");
  const show = ({ bubbles, blocked }) => {
    if (blocked !== wasBlocked) {
      location.reload();
      return;
    }
    const atEnd = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 80;
    const wanted = new Set(bubbles.map((bubble) => bubble.key));
    for (const item of [...list.children]) {
      if (!wanted.has(item.dataset.key)) item.remove();
    }
    const items = new Map([...list.children].map((item) => [item.dataset.key, item]));
    let before = null;
    for (const { key, html } of bubbles) {
      let item = items.get(key);
      if (!item || (shown.has(key) && shown.get(key) !== html)) {
        const template = document.createElement("template");
        template.innerHTML = html; // escaped by the server
        const fresh = template.content.firstElementChild;
        if (item) item.replaceWith(fresh);
        item = fresh;
      }
      shown.set(key, html);
      const place = before ? before.nextElementSibling : list.firstElementChild;
      if (place !== item) list.insertBefore(item, place);
      before = item;
    }
    if (atEnd) toEnd();
  };
  new EventSource(`${path}/events`).addEventListener("message", (event) => show(JSON.parse(event.data)));

  // A quick reply of a template says its own text.
  list.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-press]");
    if (!button) return;
    const { press, message, card } = button.dataset;
    const problem = phone.querySelector("[data-problem]");
    problem.hidden = true;
    try {
      const answer = await fetch(`${path}/presses`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ message, button: Number(press), card: card === undefined ? null : Number(card) }),
      });
      if (!answer.ok) throw new Error(String(answer.status));
      toEnd();
    } catch {
      problem.textContent = "沒有送出，請再試一次。";
      problem.hidden = false;
    }
  });

  const composer = phone.querySelector("[data-composer]");
  if (composer) {
    const text = composer.elements.text;
    const problem = composer.querySelector("[data-problem]");
    const grow = () => {
      text.rows = Math.min(5, text.value.split("\n").length);
    };
    text.addEventListener("input", grow);
    // Enter while composing chooses a character; 229 is what Safari reports for the Enter that ends a composition.
    text.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
      event.preventDefault();
      composer.requestSubmit();
    });
    const attach = composer.querySelector("[data-attach]");
    attach?.addEventListener("change", async () => {
      const [file] = attach.files;
      if (!file) return;
      problem.hidden = true;
      const form = new FormData();
      form.append("file", file);
      try {
        const answer = await fetch(`${path}/files`, { method: "POST", body: form });
        if (!answer.ok) throw new Error(String(answer.status));
        toEnd();
      } catch {
        problem.textContent = "沒有送出，請再試一次。";
        problem.hidden = false;
      }
      attach.value = "";
    });
    composer.addEventListener("submit", async (event) => {
      event.preventDefault();
      const typed = text.value.trim();
      if (!typed) return;
      text.value = "";
      grow();
      problem.hidden = true;
      try {
        const answer = await fetch(`${path}/messages`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ text: typed }),
        });
        if (!answer.ok) throw new Error(String(answer.status));
        toEnd();
      } catch {
        text.value = text.value ? `${typed}\n${text.value}` : typed;
        grow();
        problem.textContent = "沒有送出，請再試一次。";
        problem.hidden = false;
      }
      text.focus();
    });
  }
}
