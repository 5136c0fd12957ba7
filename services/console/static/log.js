// Follows a log that grows: appends what comes, each line once. Text is set as text, never as markup.
"use strict";
(() => {
  const log = document.getElementById("log");
  const status = document.getElementById("following");
  const MOST_LINES = 5000; // a browser stays quick; earlier lines are a link away
  const PAUSE_MS = 5000; // after an answer that an EventSource does not retry by itself (503, 404)
  let last = Number(log.dataset.after);
  let titles = new Map();
  let gaps = false;
  let source;

  const say = (text) => { status.textContent = text; };

  const make = (name, text, more = {}) => {
    const element = document.createElement(name);
    if (text) element.textContent = text;
    return Object.assign(element, more);
  };

  const listOf = (step) => {
    const section = log.lastElementChild;
    if (section && section.dataset.step === String(step)) return section.querySelector("ol");
    const made = make("section");
    made.dataset.step = String(step);
    const id = `step-${step + 1}`;
    const heading = make("h2", titles.get(step) || `Step ${step + 1}`);
    if (step >= 0 && !document.getElementById(id)) heading.id = id;
    const list = make("ol");
    made.append(heading, list);
    log.append(made);
    return list;
  };

  const append = (lines) => {
    const atEnd = window.innerHeight + window.scrollY >= document.body.scrollHeight - 80;
    for (const [number, step, text] of lines) {
      if (number <= last) continue;
      last = number;
      const item = make("li", "", { id: `L${number + 1}` });
      item.append(make("a", String(number + 1), { href: `#L${number + 1}` }), make("span", text));
      listOf(step).append(item);
    }
    const items = log.getElementsByTagName("li");
    while (items.length > MOST_LINES) items[0].remove();
    for (const section of [...log.querySelectorAll("section")]) if (!section.querySelector("li")) section.remove();
    if (atEnd) window.scrollTo(0, document.body.scrollHeight);
  };

  const finish = async () => {
    source.close();
    if (gaps) return location.reload();
    say("The job is over; this is its whole log.");
    const page = new DOMParser().parseFromString(await (await fetch(location.href)).text(), "text/html");
    document.getElementById("verdict").replaceWith(page.getElementById("verdict"));
  };

  const open = () => {
    source = new EventSource(`${log.dataset.live}?after=${last}`);
    source.onopen = () => say("Following the log.");
    source.onmessage = (event) => append(JSON.parse(event.data));
    source.addEventListener("step", (event) => {
      const { step, title } = JSON.parse(event.data);
      titles.set(step, title);
    });
    source.addEventListener("gap", (event) => {
      const { count } = JSON.parse(event.data);
      gaps = true;
      log.append(make("p", `${count} lines are missing here; they are there when the job is over.`, { className: "gap" }));
    });
    source.addEventListener("end", finish);
    source.onerror = () => {
      say("The connection is interrupted; trying again.");
      if (source.readyState === EventSource.CLOSED) setTimeout(open, PAUSE_MS);
    };
  };
  open();
})();
