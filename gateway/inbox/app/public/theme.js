// Runs before the first paint, so that a dark desk never flashes white. Kept apart because the policy allows no inline script.
(function () {
  var root = document.documentElement;
  var choice = 'system';
  try {
    choice = localStorage.getItem('gatehouse.theme') || 'system';
    root.lang = localStorage.getItem('gatehouse.language') || (/^tr\b/i.test(navigator.language) ? 'tr' : 'en');
  } catch (e) {
    choice = 'system'; // storage is switched off: follow the system
  }
  var dark = choice === 'dark' || (choice === 'system' && matchMedia('(prefers-color-scheme: dark)').matches);
  root.dataset.theme = dark ? 'dark' : 'light';
})();
