// Sorts and filters the tables. The page is complete without it.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") === "descending" || (!head.hasAttribute("aria-sort") && column === 0);
      const value = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent.trim();
      const rows = [...body.rows].map((row) => [value(row), row]);
      rows.sort(([a], [b]) => {
        if (a === "" || b === "") return (a === "") - (b === "");
        const order = isNaN(a) || isNaN(b) ? a.localeCompare(b, undefined, { numeric: true }) : a - b;
        return up ? order : -order;
      });
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      body.append(...rows.map(([, row]) => row));
    });
  });
  if (body.rows.length > 10) {
    const label = document.createElement("label");
    label.className = "filter";
    label.textContent = "Show samples whose row contains ";
    const input = document.createElement("input");
    input.type = "search";
    label.append(input);
    const count = document.createElement("span");
    count.setAttribute("role", "status");
    label.append(" ", count);
    table.closest(".scroll").before(label);
    input.addEventListener("input", () => {
      const plain = (text) => text.replace(/\s+/g, " ").toLowerCase();
      const wanted = plain(input.value.trim());
      let shown = 0;
      for (const row of body.rows) {
        row.hidden = !plain(row.textContent).includes(wanted);
        shown += !row.hidden;
      }
      count.textContent = wanted ? `${shown} of ${body.rows.length}` : "";
    });
  }
}
