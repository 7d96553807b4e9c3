// The page without this script shows the same, as it was when it was loaded. Texts become text and never markup.
"use strict";
(() => {
  const at = id => document.getElementById(id);
  const set = (id, text) => { const e = at(id); if (e && e.textContent !== text) e.textContent = text; };

  // How numbers are written: as words.go does.
  const thousands = n => Math.round(n).toString().replace(/\B(?=(\d{3})+$)/g, ",");
  const size = n => {
    if (n < 1024) return n + " B";
    let value = n / 1024, unit = 0;
    while (value >= 999.5 && unit < 5) { value /= 1024; unit++; }
    return value.toFixed(value < 9.95 ? 1 : 0) + " " + "KMGTPE"[unit] + "iB";
  };
  const age = seconds => {
    const s = Math.floor(Math.max(seconds, 0)), units = [["d", 86400], ["h", 3600], ["m", 60], ["s", 1]];
    for (let i = 0; i < units.length; i++) {
      const [name, length] = units[i];
      if (s < length) continue;
      const rest = i + 1 < units.length ? Math.floor(s % length / units[i + 1][1]) : 0;
      return Math.floor(s / length) + name + (rest > 0 ? " " + rest + units[i + 1][0] : "");
    }
    return "0s";
  };
  const took = seconds => seconds < 1 ? (seconds * 1000).toFixed(0) + " ms" : age(seconds);
  const rate = n => n === 0 ? "0" : n < 0.1 ? "<0.1" : n < 10 ? n.toFixed(1) : thousands(n);
  const entries = n => n === 1 ? "1 entry" : thousands(n) + " entries";
  const atLeast = cut => cut ? "≥ " : "";

  function show(s) {
    const trouble = at("trouble");
    trouble.hidden = !s.trouble;
    set("trouble", s.trouble);
    if (s.counted) {
      set("entries", s.entries === null ? "–" : atLeast(!s.complete) + thousands(s.entries));
      set("entries-note", s.entries === null ? "not known" : size(s.bytes) + " of values" + (s.corrupt > 0 ? ", " + thousands(s.corrupt) + " damaged" : ""));
      if (s.entries !== null) set("counted", s.complete ? "Counted in " + took(s.took) + "." : "Counted for " + took(s.took) + ", and not to the end.");
      if (s.backlog) {
        set("backlog", atLeast(s.backlog.at_least) + thousands(s.backlog.entries));
        set("backlog-note", s.backlog.entries > 0 ? size(s.backlog.bytes) + " that a sweep removes" : "nothing is due");
      }
    }
    if (s.cleanup) {
      const c = s.cleanup;
      set("last", age((Date.parse(s.time) - Date.parse(c.start)) / 1000 - c.duration) + " ago");
      set("last-note", thousands(c.removed) + " removed in " + took(c.duration) + (c.reason !== "done" ? ", ended by: " + c.reason : "") + (c.host ? ", on " + c.host : ""));
    }
    histogram(s.idle);
    operations(s.operations);
  }

  function histogram(buckets) {
    const list = at("idle"), most = Math.max(1, ...buckets.map(b => b.entries));
    if (list.children.length !== buckets.length) return; // it was not counted when the page was made: the next page has it
    buckets.forEach((b, i) => {
      const row = list.children[i];
      row.querySelector("rect").setAttribute("width", b.entries ? Math.max(1, 100 * b.entries / most).toFixed(2) : "0");
      const number = thousands(b.entries);
      if (row.querySelector(".number").textContent !== number) row.querySelector(".number").textContent = number;
    });
  }

  function operations(o) {
    if (!o) return;
    const most = Math.max(1, ...o.series);
    at("spark").parentNode.removeAttribute("hidden");
    at("kinds-none").hidden = true;
    at("spark").setAttribute("points", o.series.map((n, i) => i + "," + (29 - Math.round(28 * n / most * 10) / 10)).join(" "));
    set("rate", rate(Object.values(o.per_second).reduce((a, b) => a + b, 0)));
    set("rate-note", o.failing > 0 ? rate(o.failing) + " a second fail" : "none fails");
    const table = at("kinds");
    for (const [kind, total] of Object.entries(o.totals)) {
      let row = table.querySelector(`tr[data-kind="${CSS.escape(kind)}"]`);
      if (!row) {
        row = table.insertRow();
        row.dataset.kind = kind;
        const name = document.createElement("th");
        name.scope = "row";
        name.textContent = kind;
        row.append(name);
        for (let i = 0; i < 2; i++) row.insertCell().className = "num";
      }
      row.cells[1].textContent = rate(o.per_second[kind] || 0);
      row.cells[2].textContent = thousands(total);
    }
  }

  // Events. The browser connects again by itself, unless it was refused.
  function live(yes) {
    at("live").dataset.live = yes ? "yes" : "no";
    set("live", yes ? "live" : "not connected");
  }
  function listen() {
    const events = new EventSource("./events");
    events.addEventListener("stat", e => { live(true); show(JSON.parse(e.data)); });
    events.onerror = () => {
      live(false);
      if (events.readyState === EventSource.CLOSED) setTimeout(listen, 10000);
    };
    addEventListener("pagehide", () => events.close(), { once: true });
    addEventListener("pageshow", e => { if (e.persisted && events.readyState === EventSource.CLOSED) listen(); }, { once: true });
  }

  // What changes something.
  function tell(kind, text) {
    const result = at("result");
    result.hidden = false;
    result.dataset.kind = kind;
    result.textContent = text;
  }
  async function send(method, where, body) {
    const request = { method, headers: {} };
    if (body) { request.body = JSON.stringify(body); request.headers["Content-Type"] = "application/json"; }
    const response = await fetch("./" + where, request);
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.text + (answer.hint ? "; " + answer.hint : ""));
    return answer;
  }
  function confirmed(text, yes) {
    const dialog = at("confirm");
    set("confirm-text", text);
    set("confirm-yes", yes);
    dialog.showModal();
    return new Promise(resolve => {
      const end = answer => () => { dialog.close(); resolve(answer); };
      at("confirm-yes").onclick = end(true);
      at("confirm-no").onclick = end(false);
      dialog.oncancel = end(false);
    });
  }
  // A button does its work once at a time, and says what became of it.
  async function once(button, work) {
    button.disabled = true;
    try {
      const text = await work();
      if (text) tell("done", text);
    } catch (e) {
      tell("failed", e instanceof TypeError ? "The program does not answer." : e.message);
    }
    button.disabled = false;
  }

  async function sweep() {
    const would = await send("POST", "cleanup", { dry_run: true, max_time: 5 });
    if (would.removed === 0 && would.done) return "Nothing is due: no entry was removed.";
    if (!await confirmed(`A sweep removes ${would.done ? "" : "at least "}${entries(would.removed)}, ${size(would.bytes)}. They do not come back.`, "Sweep now")) return "";
    const did = await send("POST", "cleanup");
    return `Removed ${entries(did.removed)}, ${size(did.bytes)}, in ${took(did.duration)}.` + (did.done ? "" : ` It ended by: ${did.reason}.`);
  }
  async function remove(row) {
    const cell = name => row.querySelector(name).textContent, key = cell(".key");
    if (!await confirmed(`Remove the entry ${key} of ${cell(".size")}, not used for ${cell(".idle")}? If it is a session, it ends. It does not come back.`, "Remove")) return "";
    await send("DELETE", "entries/" + encodeURIComponent(row.dataset.id));
    row.remove();
    at("list-none").hidden = at("list").rows.length > 0;
    return `Removed the entry ${key}.`;
  }
  async function signOut() {
    const subject = at("subject").value;
    if (!subject || !await confirmed(`End all sessions of ${subject}, on every device?`, "Sign out")) return "";
    await send("POST", "signout", { subject });
    at("signout").reset();
    return `${subject} is signed out everywhere.`;
  }

  document.querySelectorAll(".needs-script").forEach(e => { e.hidden = false; });
  at("sweep")?.addEventListener("click", e => once(e.currentTarget, sweep));
  at("list")?.addEventListener("click", e => {
    const button = e.target.closest("button.remove");
    if (button) once(button, () => remove(button.closest("tr")));
  });
  at("signout")?.addEventListener("submit", e => {
    e.preventDefault();
    once(e.submitter || e.target.querySelector("button"), signOut);
  });
  listen();
})();
