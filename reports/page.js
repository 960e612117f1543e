(function () {
  'use strict';
  var root = document.documentElement, tools = document.getElementById('tools');
  function all(selector, from) { return Array.prototype.slice.call((from || document).querySelectorAll(selector)); }
  function button(text, act) {
    var b = document.createElement('button');
    b.type = 'button';
    b.textContent = text;
    b.addEventListener('click', function () { act(b); });
    tools.appendChild(b);
  }
  button('Open all', function (b) {
    var open = b.textContent === 'Open all';
    all('details').forEach(function (d) { d.open = open; });
    b.textContent = open ? 'Close all' : 'Open all';
  });
  button('Dark or light', function () {
    var dark = root.getAttribute('data-theme') === 'dark' ||
      !root.hasAttribute('data-theme') && window.matchMedia('(prefers-color-scheme: dark)').matches;
    root.setAttribute('data-theme', dark ? 'light' : 'dark');
  });
  // A filter over the expectations: words that must all occur in a row.
  var find = document.getElementById('find');
  if (find) {
    find.parentNode.hidden = false;
    find.addEventListener('input', function () {
      var words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
      all('#expectations details').forEach(function (d) {
        var name = d.querySelector('summary').textContent.toLowerCase(), left = 0;
        all('tbody tr', d).forEach(function (row) {
          var text = name + ' ' + row.textContent.toLowerCase();
          row.hidden = !words.every(function (w) { return text.indexOf(w) >= 0; });
          if (!row.hidden) { left++; }
        });
        d.hidden = left === 0;
        if (words.length) { d.open = left > 0; }
      });
    });
  }
  // A link to a place inside a closed part opens it.
  function reveal() {
    var at = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    for (var e = at; e; e = e.parentElement) { if (e.tagName === 'DETAILS') { e.open = true; } }
    if (at) { at.scrollIntoView(); }
  }
  window.addEventListener('hashchange', reveal);
  reveal();
  window.addEventListener('beforeprint', function () { all('details').forEach(function (d) { d.open = true; }); });
})();
