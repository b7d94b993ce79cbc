// Starts the app: a file, because the Content-Security-Policy forbids inline scripts.
// Trunk.toml's pattern_script left the names of the glue and of the wasm in the page.
const [glue, wasm] = document.querySelector('meta[name="omocast-app"]').content.split(" ");

try {
  const { default: init } = await import(glue);
  await init({ module_or_path: wasm });
} catch (error) {
  // Only a load that failed comes here: once the app runs, its own panic hook speaks.
  const notice = document.createElement("p");
  notice.setAttribute("role", "alert");
  notice.textContent = "頁面沒有載入完成，請重新整理。／The page did not load. Please reload it.";
  document.body.append(notice);
  throw error;
}
