// What a page reports as errors is kept for its tab, over reloads, violations of the content policy too.
const report = text => sessionStorage.setItem('reported', JSON.stringify([...JSON.parse(sessionStorage.getItem('reported') ?? '[]'), String(text)]));
addEventListener('error', event => report(event.error ?? event.message));
addEventListener('unhandledrejection', event => report(event.reason));
document.addEventListener('securitypolicyviolation', event => report(`Content Security Policy: ${event.violatedDirective} ${event.blockedURI}`));
