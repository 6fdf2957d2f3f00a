/* Lets the browser make or show a passkey, and sends what it says with the form. */
(() => {
  "use strict";
  const form = document.querySelector("form[data-passkey]");
  const failed = document.getElementById("passkey-failed");
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

  function read(options) {
    const listed = (all) => (all || []).map((one) => ({ ...one, id: bytes(one.id) }));
    const read = { ...options, challenge: bytes(options.challenge) };
    if (options.user) read.user = { ...options.user, id: bytes(options.user.id) };
    if (options.excludeCredentials) read.excludeCredentials = listed(options.excludeCredentials);
    if (options.allowCredentials) read.allowCredentials = listed(options.allowCredentials);
    return read;
  }

  function written(credential) {
    const answer = { clientDataJSON: text(credential.response.clientDataJSON) };
    for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (credential.response[name]) answer[name] = text(credential.response[name]);
    }
    return JSON.stringify({ id: credential.id, rawId: text(credential.rawId), type: credential.type, response: answer });
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    failed.hidden = true;
    try {
      const publicKey = read(JSON.parse(form.dataset.options));
      const way = form.dataset.passkey === "make" ? "create" : "get";
      form.elements.credential.value = written(await navigator.credentials[way]({ publicKey }));
      form.submit();
    } catch {
      failed.hidden = false;
      failed.focus();
    }
  });
})();
