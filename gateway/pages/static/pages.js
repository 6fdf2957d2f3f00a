/* What makes the pages easier where scripts run; nothing depends on it. */
(() => {
  "use strict";
  const main = document.getElementById("main");
  const words = main.dataset;

  // Buttons that copy a number, since typing it is where mistakes are made.
  for (const value of document.querySelectorAll("[data-copy]")) {
    if (!navigator.clipboard) break;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = words.copyLabel;
    button.setAttribute("aria-label", `${words.copyLabel}: ${value.previousElementSibling.textContent}`);
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(value.dataset.copy);
      button.textContent = words.copied;
      say(words.copied);
      setTimeout(() => { button.textContent = words.copyLabel; }, 3000);
    });
    value.append(" ", button);
  }

  // How much time is left, minute by minute.
  const minutes = new Intl.NumberFormat(document.documentElement.lang, { style: "unit", unit: "minute", unitDisplay: "long" });
  for (const until of document.querySelectorAll("time[data-left]")) {
    const end = Date.parse(until.dateTime);
    const tick = () => { until.textContent = minutes.format(Math.max(0, Math.ceil((end - Date.now()) / 60000))); };
    tick();
    setInterval(tick, 10000);
  }

  // The page follows the payment: when something has changed, it is loaded anew.
  if (words.follow) {
    say(words.following);
    const look = async () => {
      try {
        const answer = await fetch(words.follow, { cache: "no-store" });
        if (answer.ok && (await answer.text()) !== words.state) {
          location.reload();
          return;
        }
      } catch { /* The network is away; the next look may find it again. */ }
      setTimeout(look, document.hidden ? 30000 : 4000);
    };
    setTimeout(look, 4000);
  }

  function say(text) {
    let status = document.querySelector("p.said");
    if (!status) {
      status = document.createElement("p");
      status.className = "said quiet";
      status.setAttribute("role", "status");
      main.append(status);
    }
    status.textContent = text;
  }
})();
