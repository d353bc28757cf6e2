"use strict";

// A mail's link opens a page; only the button uses the token up, because mail scanners open links.

const form = document.querySelector("form");
const outcome = document.getElementById("outcome");
const button = form.querySelector("button");
const token = new URLSearchParams(location.search).get("token");
// The token shall not stay in the history, nor be seen over a shoulder.
history.replaceState(null, "", location.pathname);

function end(sentence) {
  form.hidden = true;
  outcome.textContent = sentence;
}

// RFC 9457: `detail` is for a person; `errors` says it of each member.
function complaint(problem) {
  const sentences = (problem.errors || []).map((error) => error.detail);
  return sentences.length ? sentences.join(" ") : problem.detail;
}

async function send() {
  const answer = await fetch(form.dataset.action, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ token, ...Object.fromEntries(new FormData(form)) }),
  });
  if (answer.ok) end(form.dataset.done);
  else outcome.textContent = complaint(await answer.json());
}

form.onsubmit = async (event) => {
  event.preventDefault();
  button.disabled = true;
  outcome.textContent = "";
  try {
    await send();
  } catch {
    outcome.textContent = "The service cannot be reached now. Please try again.";
  } finally {
    button.disabled = false;
  }
};

const show = document.getElementById("show");
if (show) show.onchange = () => { form.elements.password.type = show.checked ? "text" : "password"; };

if (!token) end("This link is not complete. Please open it from the mail once more, or ask for a new mail.");
