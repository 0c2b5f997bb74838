// Light or dark before the first paint: as the person chose here, else as the device says. The program sees to it later.
try {
  const chosen = localStorage.getItem('mooring-theme');
  const dark = chosen === '"dark"' || (chosen !== '"light"' && matchMedia('(prefers-color-scheme: dark)').matches);
  document.documentElement.classList.toggle('pf-v6-theme-dark', dark);
} catch {
  // a browser that keeps nothing: light
}
