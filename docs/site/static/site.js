document.addEventListener("DOMContentLoaded", () => {
  // Names each cell's column, for the narrow form of a table. Two columns explain themselves.
  for (const table of document.querySelectorAll("table.docutils")) {
    const heads = [...table.querySelectorAll("thead th")].map((head) => head.textContent.trim());
    for (const row of heads.length > 2 ? table.querySelectorAll("tbody tr") : []) {
      [...row.children].forEach((cell, column) => {
        if (column > 0 && heads[column] && cell.textContent.trim()) cell.dataset.label = heads[column];
      });
    }
  }
  // A name in a first column stays in one piece. A message there breaks, or it leaves no room for the other columns.
  for (const code of document.querySelectorAll("table.docutils td:first-child code")) {
    if (code.textContent.length > 45) code.style.whiteSpace = "normal";
  }
  // A picture opens in full, for a phone.
  for (const image of document.querySelectorAll("article img")) {
    const link = document.createElement("a");
    link.href = image.src;
    image.replaceWith(link);
    link.append(image);
  }
  // A button that copies a block of commands.
  for (const block of document.querySelectorAll("div.highlight-bash div.highlight, div.highlight-yaml div.highlight")) {
    const button = document.createElement("button");
    button.className = "copy";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(block.querySelector("pre").textContent);
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = "Copy"), 2000);
    });
    block.append(button);
  }
});
