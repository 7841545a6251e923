// Before the first paint, so that nobody sees the other colours flash by. Not a module: modules wait.
(function () {
    var theme = null;
    try {
        theme = localStorage.getItem("vouch-theme");
    } catch (error) {
        return; // storage is off: as the system has it
    }
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
})();
