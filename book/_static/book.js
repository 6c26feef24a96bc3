// Tables follow the theme: their library looks for the class "dark" on the root element.
(function () {
  const root = document.documentElement;
  const follow = () => root.classList.toggle("dark", root.dataset.theme === "dark");
  new MutationObserver(follow).observe(root, { attributes: true, attributeFilter: ["data-theme"] });
  follow();
  document.addEventListener("DOMContentLoaded", follow);
})();
