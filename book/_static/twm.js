/* What the theme leaves open: search when read from disk, paper when read in the dark, and names for screen readers. */
(function () {
  "use strict";
  var page = document.documentElement, screenTheme = null;

  /* From disk a page may not fetch its neighbours: the search then lists titles without excerpts. */
  if (window.location.protocol === "file:" && typeof DOCUMENTATION_OPTIONS !== "undefined") {
    DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
  }

  /* Paper is white, so a page is printed in the light theme whatever the screen shows. */
  function setPaper(printing) {
    if (printing && screenTheme === null) {
      screenTheme = page.dataset.theme || "";
      page.dataset.theme = "light";
    } else if (!printing && screenTheme !== null) {
      page.dataset.theme = screenTheme;
      screenTheme = null;
    }
  }
  window.matchMedia("print").addEventListener("change", function (event) { setPaper(event.matches); });
  window.addEventListener("beforeprint", function () { setPaper(true); });
  window.addEventListener("afterprint", function () { setPaper(false); });

  /* A formula that is wider than its line scrolls, and what scrolls must be reachable by the keyboard. */
  function reachFormulas() {
    document.querySelectorAll("mjx-container").forEach(function (formula) {
      /* Formulas in a line are let out by a pixel or two; only those that are cut off scroll. */
      var cut = window.getComputedStyle(formula).overflowX !== "visible" && formula.scrollWidth > formula.clientWidth;
      if (cut) formula.tabIndex = 0;
      else formula.removeAttribute("tabindex");
    });
  }

  document.addEventListener("DOMContentLoaded", function () {
    /* The arrows that open a part of the contents are pictures; they are named after what they open. */
    document.querySelectorAll(".bd-sidebar-primary li > details > summary").forEach(function (summary) {
      var link = summary.closest("li").querySelector("a");
      if (link && !summary.textContent.trim()) summary.setAttribute("aria-label", "Pages of: " + link.textContent.trim());
    });
    /* An entry of the bibliography had a role of its own, which is no more; it is an entry of a list. */
    document.querySelectorAll("[role=doc-biblioentry]").forEach(function (entry) { entry.setAttribute("role", "listitem"); });
    document.querySelectorAll(".citation-list > :not(.citation)").forEach(function (other) { other.setAttribute("role", "listitem"); });
  });
  window.addEventListener("load", function () {
    if (window.MathJax && window.MathJax.startup && window.MathJax.startup.promise) window.MathJax.startup.promise.then(function () {
      reachFormulas();
      /* Widths settle late, and change with the window. */
      if (!window.ResizeObserver) return;
      var watcher = new ResizeObserver(reachFormulas), article = document.querySelector("article");
      if (article) watcher.observe(article);
    });
  });
  window.addEventListener("resize", reachFormulas);
})();
