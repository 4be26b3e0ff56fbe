// Looks at the picture in this page as a browser draws it, and writes what is wrong with it into
// `#verdict`. `#children` has a line for each child that must be there: its number, and how it is called.
// `.ci/browser` makes the page.
'use strict';

const faults = [];
const fault = (text) => faults.push(text);

// Boxes may touch, and numbers are rounded.
const NEAR = 0.06;

// Of a text and what is behind it, at least: as WCAG asks for.
const CONTRAST = 4.5;

function check(svg, expected) {
  // Where a picture is not well-formed, the browser shows an error in its place.
  if (!(svg instanceof SVGSVGElement) || document.querySelector('parsererror')) {
    return fault('there is no well-formed picture');
  }
  isAlone(svg);
  const children = theChildren(svg, expected);
  const texts = [...svg.querySelectorAll('text')].map((text) => ({
    name: `the text "${text.textContent}"`,
    ...box(text.getBoundingClientRect()),
  }));
  const page = box(svg.getBoundingClientRect());
  for (const it of [...texts, ...children]) {
    if (it.left < page.left || it.right > page.right || it.top < page.top || it.bottom > page.bottom) {
      fault(`${it.name} is not inside the picture`);
    }
  }
  noOverlap([...texts, ...children]);
  readable(svg);
}

// Needs no other file, and runs nothing.
function isAlone(svg) {
  if (svg.querySelector('script, image, use, foreignObject, a, [href], [src]')) {
    fault('there is an element that may need another file');
  }
  for (const style of svg.querySelectorAll('style')) {
    if (/@import|url\(/.test(style.textContent)) fault('a style needs another file');
  }
  for (const element of svg.querySelectorAll('*')) {
    if ([...element.attributes].some((attribute) => attribute.name.startsWith('on'))) {
      fault('there is a script in an attribute');
    }
  }
}

// Each child is there once, can be seen, and says what it is. Returns their boxes.
function theChildren(svg, expected) {
  const found = new Map();
  for (const child of svg.querySelectorAll('[data-child]')) {
    const number = child.getAttribute('data-child');
    if (found.has(number)) fault(`child ${number} is there twice`);
    found.set(number, child);
  }
  for (const [number, id] of expected) {
    const child = found.get(number);
    if (!child) {
      fault(`child ${number} is not there`);
      continue;
    }
    const title = child.querySelector('title')?.textContent ?? '';
    if (title.split(/\s/)[0] !== id) fault(`the title of child ${number} is "${title}"`);
  }
  if (found.size > expected.length) fault(`${found.size} children are there`);
  return [...found].map(([number, child]) => drawn(number, child));
}

// The box of all that is drawn of a child, and of where the pointer finds it.
function drawn(number, child) {
  const target = child.querySelector('rect');
  if (!target) fault(`no pointer can find child ${number}`);
  const whole = box((target ?? child).getBoundingClientRect());
  const paths = child.querySelectorAll('path');
  if (paths.length === 0) fault(`nothing is drawn of child ${number}`);
  const page = svg.getBoundingClientRect();
  for (const path of paths) {
    const { stroke, strokeWidth } = getComputedStyle(path);
    const half = parseFloat(strokeWidth) / 2;
    const { x, y, width, height } = path.getBBox();
    if (stroke === 'none' || half === 0 || width === 0) {
      fault(`a part of child ${number} cannot be seen`);
    }
    // A line is thick above and below, and ends where it ends; the shape of a mark is thick all around.
    const aside = height === 0 ? 0 : half;
    whole.left = Math.min(whole.left, page.left + x - aside);
    whole.right = Math.max(whole.right, page.left + x + width + aside);
    whole.top = Math.min(whole.top, page.top + y - half);
    whole.bottom = Math.max(whole.bottom, page.top + y + height + half);
  }
  return { name: `child ${number}`, ...whole };
}

const box = ({ left, right, top, bottom }) => ({ left, right, top, bottom });

// From top to bottom, each box is held against those that have not ended above it.
function noOverlap(boxes) {
  boxes.sort((one, other) => one.top - other.top);
  let open = [];
  for (const it of boxes) {
    open = open.filter((other) => other.bottom > it.top + NEAR);
    for (const other of open) {
      if (it.left < other.right - NEAR && other.left < it.right - NEAR) {
        fault(`${it.name} overlaps ${other.name}`);
      }
    }
    open.push(it);
  }
}

// Texts can be read on the page and on the headings of groups.
function readable(svg) {
  const grounds = [...svg.querySelectorAll('.page, .head')].slice(0, 2);
  const colours = new Set([...svg.querySelectorAll('text')].map((text) => getComputedStyle(text).fill));
  for (const ground of grounds) {
    const below = getComputedStyle(ground).fill;
    for (const colour of colours) {
      const [low, high] = [light(below), light(colour)].sort((one, other) => one - other);
      const contrast = (high + 0.05) / (low + 0.05);
      if (contrast < CONTRAST) fault(`${colour} on ${below} has a contrast of ${contrast.toFixed(1)}`);
    }
  }
}

// The relative luminance of `rgb(1, 2, 3)`.
function light(colour) {
  const [red, green, blue] = colour.match(/[\d.]+/g).map((part) => {
    const share = Number(part) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

const svg = document.querySelector('svg');
const lines = document.getElementById('children').textContent.split('\n');
const expected = lines.filter((line) => line !== '').map((line) => line.split(' '));
try {
  check(svg, expected);
} catch (error) {
  fault(`the check itself failed: ${error}`);
}
const scheme = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
const words = faults.length === 0 ? [`good, ${expected.length} children, ${scheme}`] : faults.slice(0, 20);
if (faults.length > 20) words.push(`and ${faults.length - 20} more faults`);
document.getElementById('verdict').textContent = words.map((line) => `\nverdict: ${line}`).join('');
// What is printed is the verdict, and not the picture.
svg?.remove();
document.getElementById('children').remove();
