// What the browser does by itself: the colour scheme, the address, and sliders paired with numbers.
window.dash_clientside = Object.assign({}, window.dash_clientside, {
  scheme: {
    // The reader's last choice, else what the system prefers; a click turns it round.
    choose(clicks) {
      const preferred = window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
      let scheme = window.localStorage.getItem("scheme") || preferred;
      if (clicks) {
        scheme = scheme === "dark" ? "light" : "dark";
        window.localStorage.setItem("scheme", scheme);
      }
      return [scheme, scheme];
    },
  },
  address: {
    // The state of the view, without a new entry in the history and without loading the page anew.
    keep(query) {
      if (query !== undefined && query !== null) {
        window.history.replaceState(window.history.state, "", window.location.pathname + query);
      }
    },
    // Mark the link of the page that is shown, and name the window after it.
    mark(path) {
      for (const link of document.querySelectorAll("nav .link")) {
        const here = link.getAttribute("href") === path;
        link.classList.toggle("here", here);
        if (here) document.title = `${link.textContent} · Cluster reliability`;
      }
    },
  },
  plan: {
    pair(position, value) {
      return window.dash_clientside.plan.paired(position, value, (p) => Number(p.toFixed(2)), (v) => v);
    },
    // A slider over powers of two; its values are whole multiples of eight.
    pairByPowers(position, value) {
      return window.dash_clientside.plan.paired(position, value, (p) => 8 * Math.round(2 ** p / 8), Math.log2);
    },
    paired(position, value, valueAt, positionOf) {
      const keep = window.dash_clientside.no_update;
      const moved = window.dash_clientside.callback_context.triggered_id || "";
      if (!moved.endsWith("-number")) return [keep, valueAt(position)];
      // A number that nobody types in only echoes the slider, perhaps after it has moved on.
      const isTyped = document.activeElement && document.activeElement.id === moved;
      return [isTyped && typeof value === "number" ? positionOf(value) : keep, keep];
    },
  },
});
