(() => {
  const form = document.getElementById("filter");
  if (!form) return;
  const input = document.getElementById("wanted");
  const found = document.getElementById("found");
  const tables = [...document.querySelectorAll("table.codes")];
  const rows = tables.flatMap((table) => [...table.tBodies[0].rows]);

  function filter() {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const text = `${row.id} ${row.textContent}`.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      if (!row.hidden) shown += 1;
    }
    for (const table of tables) table.hidden = [...table.tBodies[0].rows].every((row) => row.hidden);
    found.textContent = words.length ? `${shown} of ${rows.length} codes` : "";
  }

  // A link to a row that the filter hides would lead nowhere.
  function reveal() {
    const row = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (row && row.hidden) {
      input.value = "";
      filter();
      row.scrollIntoView();
    }
  }

  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
  input.addEventListener("input", filter);
  addEventListener("hashchange", reveal);
  filter();
})();
