// Keeps the page of a run up to date: when something changed, the server's own page replaces what is shown.
"use strict";
(() => {
  const PAUSE_MS = 5000; // after an answer that an EventSource does not retry by itself (503, 404)
  const CALM_MS = 500; // a page a change would be too many
  const address = document.getElementById("live").dataset.live;
  if (!address) return;
  let busy = false;
  let again = false;

  const refresh = async () => {
    if (busy) { again = true; return; }
    busy = true;
    again = false;
    try {
      const answer = await fetch(location.href);
      if (answer.ok) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const story = document.getElementById("story");
        const fresh = page.getElementById("story");
        if (story && fresh) fresh.open = story.open;
        document.getElementById("live").replaceWith(page.getElementById("live"));
        document.title = page.title;
      }
    } catch { /* the event stream says when the server is back */ }
    await new Promise((resolve) => setTimeout(resolve, CALM_MS));
    busy = false;
    if (again) refresh();
  };

  const open = () => {
    const source = new EventSource(address);
    source.addEventListener("state", refresh);
    source.addEventListener("end", () => { source.close(); refresh(); });
    source.onerror = () => { if (source.readyState === EventSource.CLOSED) setTimeout(open, PAUSE_MS); };
  };
  open();
})();
