// English texts of settings, policies, templates, things and certificates.
export default {};
