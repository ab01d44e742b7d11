"use strict";
(() => {
  const scene = JSON.parse(document.getElementById("scene").textContent);
  const stage = document.getElementById("stage");
  const view = document.getElementById("view");
  const tip = document.getElementById("tip");
  const still = document.getElementById("still");
  const tools = document.getElementById("tools");

  const webgl = () => {
    try {
      const canvas = document.createElement("canvas");
      return Boolean(canvas.getContext("webgl2") || canvas.getContext("webgl"));
    } catch {
      return false;
    }
  };
  if (!webgl() || scene.atoms.length === 0) return;

  view.hidden = false;
  let viewer;
  try {
    viewer = $3Dmol.createViewer(view, { backgroundColor: "white", hoverDuration: 60 });
  } catch {
    view.hidden = true;
    return;
  }
  still.hidden = true;
  tools.hidden = false;

  let byClass = scene.color === "class";
  const ball = (atom) => {
    const color = byClass ? atom.kindColor : atom.color;
    return {
      sphere: { radius: atom.radius, color },
      stick: { radius: scene.stick, color },
    };
  };
  const model = viewer.addModel();
  model.addAtoms(
    scene.atoms.map((atom, index) => ({
      elem: atom.symbol,
      x: atom.position[0],
      y: atom.position[1],
      z: atom.position[2],
      index,
      serial: index,
      bonds: atom.bonds,
      bondOrder: atom.bonds.map(() => 1),
      style: ball(atom),
    })),
  );

  const point = ([x, y, z]) => ({ x, y, z });
  let drawn = [];
  const showCell = (visible) => {
    drawn.forEach((shape) => viewer.removeShape(shape));
    viewer.removeAllLabels();
    drawn = [];
    if (visible) {
      drawn = scene.edges.map((edge) =>
        viewer.addCylinder({
          start: point(edge.start),
          end: point(edge.end),
          radius: scene.line,
          color: "#8793a0",
          dashed: !edge.repeats,
          dashLength: 0.4,
          gapLength: 0.3,
        }),
      );
      scene.axes.forEach((axis) =>
        viewer.addLabel(axis.name, {
          position: point(axis.position),
          alignment: "center",
          showBackground: false,
          fontColor: "#4a5663",
          fontSize: 16,
          inFront: true,
        }),
      );
    }
    const named = document.getElementById("show-names").checked;
    const numbered = byClass && scene.numbered;
    if (named || numbered) {
      scene.atoms.forEach((atom) => {
        if (atom.cell) return;
        const kind = numbered ? String(atom.kind) : "";
        viewer.addLabel(named ? [atom.name, kind].filter(Boolean).join(" · ") : kind, {
          position: point(atom.position),
          alignment: "center",
          showBackground: true,
          backgroundColor: "white",
          backgroundOpacity: 0.7,
          fontColor: "#1f2933",
          fontSize: 12,
          padding: 1,
          inFront: true,
        });
      });
    }
  };

  const describe = (atom) => {
    const lines = [`index ${atom.site}, coordination ${atom.coordination}`];
    if (atom.label) lines.unshift(atom.label);
    if (atom.kind !== null) lines.push(`symmetry class ${atom.kind}`);
    if (atom.cell) lines.push(`image in the cell (${atom.cell.join(", ")})`);
    return lines;
  };
  const showTip = (picked, event) => {
    const atom = scene.atoms[picked.index];
    tip.replaceChildren();
    const head = document.createElement("b");
    head.textContent = atom.symbol;
    tip.append(head);
    describe(atom).forEach((line) => {
      const row = document.createElement("div");
      row.textContent = line;
      tip.append(row);
    });
    tip.hidden = false;
    const frame = stage.getBoundingClientRect();
    const touch = event && event.changedTouches && event.changedTouches[0];
    const at = touch || event || {};
    const x = (at.clientX ?? frame.left + frame.width / 2) - frame.left;
    const y = (at.clientY ?? frame.top + frame.height / 2) - frame.top;
    tip.style.left = `${Math.max(4, Math.min(x + 14, frame.width - tip.offsetWidth - 4))}px`;
    tip.style.top = `${Math.max(4, Math.min(y + 14, frame.height - tip.offsetHeight - 4))}px`;
  };
  const hideTip = () => {
    tip.hidden = true;
  };
  viewer.setHoverable({}, true, (atom, _viewer, event) => showTip(atom, event), hideTip);
  view.addEventListener("mouseleave", hideTip);
  viewer.setClickable({}, true, (atom, _viewer, event) => showTip(atom, event));

  const colorButtons = document.querySelectorAll("[data-color]");
  const showColors = () => {
    scene.atoms.forEach((atom, index) => {
      const visible = !atom.cell || document.getElementById("show-images").checked;
      viewer.setStyle({ index }, visible ? ball(atom) : {});
    });
    document.getElementById("elements").hidden = byClass;
    document.getElementById("classes").hidden = !byClass;
    colorButtons.forEach((button) => {
      button.setAttribute("aria-pressed", String((button.dataset.color === "class") === byClass));
    });
  };

  const turn = (name) => {
    hideTip();
    viewer.zoomTo();
    const placed = viewer.getView();
    viewer.setView([...placed.slice(0, 4), ...scene.views[name]]);
    viewer.render();
  };
  document.querySelectorAll("[data-view]").forEach((button) => {
    button.addEventListener("click", () => turn(button.dataset.view));
  });
  const cellBox = document.getElementById("show-cell");
  const imageBox = document.getElementById("show-images");
  const redraw = () => {
    showCell(cellBox.checked);
    viewer.render();
  };
  cellBox.addEventListener("change", redraw);
  document.getElementById("show-names").addEventListener("change", redraw);
  imageBox.addEventListener("change", () => {
    showColors();
    viewer.render();
  });
  document.getElementById("colors").hidden = !scene.hasClasses;
  colorButtons.forEach((button) => {
    button.addEventListener("click", () => {
      byClass = button.dataset.color === "class";
      showColors();
      redraw();
    });
  });

  showColors();
  showCell(true);
  turn("home");
  stage.dataset.ready = "true";
})();
