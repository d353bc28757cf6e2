"use strict";

// Everything of a mail is put in as text, never as HTML; its HTML goes to the sandboxed frame.

const EVERY_MS = 1500;
const $ = (id) => document.getElementById(id);
let shown = null; // the list as last drawn, to leave the page alone when nothing changed
let open = null; // the id of the open mail
let view = "html";

const element = (tag, kind, text) => {
  const made = document.createElement(tag);
  made.className = kind;
  made.textContent = text;
  return made;
};

const people = (list) =>
  list.map((who) => (who.Name ? `${who.Name} <${who.Address}>` : who.Address)).join(", ");

const when = (time) => {
  const date = new Date(time);
  const today = date.toDateString() === new Date().toDateString();
  return today ? date.toLocaleTimeString() : date.toLocaleString();
};

async function refresh() {
  const query = $("query").value.trim();
  const path = query ? `api/v1/search?query=${encodeURIComponent(query)}&limit=200` : "api/v1/messages?limit=200";
  try {
    const answer = await (await fetch(path)).text();
    if (answer !== shown) {
      shown = answer;
      draw(JSON.parse(answer));
    }
  } catch {
    $("count").textContent = "(not running)";
    shown = null;
  }
}

function draw(list) {
  $("count").textContent = list.messages_count;
  document.title = list.unread ? `(${list.unread}) Inbox` : "Inbox";
  $("list").replaceChildren(...list.messages.map(entry));
  const first = list.messages[0];
  if (!list.messages.some((mail) => mail.ID === open)) {
    open = null;
    if (first) select(first.ID);
  }
  $("mail").hidden = !first;
  $("empty").hidden = Boolean(first);
}

function entry(mail) {
  const button = element("button", mail.Read ? "" : "unread", "");
  button.type = "button";
  button.toggleAttribute("aria-current", mail.ID === open);
  button.onclick = () => select(mail.ID);
  button.append(
    element("span", "to", people([...mail.To, ...mail.Cc, ...mail.Bcc])),
    element("span", "when", when(mail.Created)),
    element("span", "subject", mail.Subject || "(no subject)"),
    element("span", "snippet", mail.Snippet),
  );
  return button;
}

async function select(id) {
  open = id;
  const answer = await fetch(`api/v1/message/${id}`);
  if (!answer.ok) return;
  const mail = await answer.json();
  const facts = [
    ["From", people([mail.From])],
    ["To", people(mail.To)],
    ["Cc", people(mail.Cc)],
    ["Bcc", people(mail.Bcc)],
    ["Reply to", people(mail.ReplyTo)],
    ["Date", new Date(mail.Date).toLocaleString()],
    ["Files", mail.Attachments.map((file) => file.FileName).join(", ")],
  ].filter(([, value]) => value);
  $("subject").textContent = mail.Subject || "(no subject)";
  $("facts").replaceChildren(...facts.flatMap(([name, value]) => [element("dt", "", name), element("dd", "", value)]));
  $("html").src = `view/${id}.html`;
  $("text").textContent = mail.Text;
  $("raw").textContent = await (await fetch(`api/v1/message/${id}/raw`)).text();
  show(mail.HTML ? view : view === "raw" ? "raw" : "text");
  shown = null; // it counts as read now
  refresh();
}

function show(which) {
  for (const id of ["html", "text", "raw"]) $(id).hidden = id !== which;
  for (const tab of $("views").children) tab.ariaSelected = String(tab.dataset.view === which);
}

$("views").onclick = (event) => {
  if (event.target.dataset.view) show((view = event.target.dataset.view));
};
$("query").oninput = refresh;
$("clear").onclick = async () => {
  if (!confirm("Delete all mails?")) return;
  await fetch("api/v1/messages", { method: "DELETE" });
  refresh();
};
refresh();
setInterval(refresh, EVERY_MS);
