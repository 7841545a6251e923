// The pages of the console, in the order of the navigation. A page is loaded when it is first opened.
//
// needs: actions; a page is offered to whom rights() grants them all, wholly or in part; of a list within, one suffices. key: "g" and this letter go there.
export const routes = [];
const route = (name, load, { group, needs, key }) => void routes.push({ name, load, group, needs, key, title: `nav.${name}` });

route("overview", () => import("./page-overview.js"), { group: "", needs: [], key: "o" });
route("live", () => import("./page-live.js"), { group: "", needs: ["vouch:WatchEvents"], key: "l" });

route("things", () => import("./page-things.js"), { group: "fleet", needs: ["iot:ListThings"], key: "t" });
route("certificates", () => import("./page-certificates.js"), { group: "fleet", needs: ["iot:ListCertificates"], key: "c" });
route("groups", () => import("./page-groups.js"), { group: "fleet", needs: ["iot:ListThingGroups"], key: "d" });

route("pairings", () => import("./page-pairings.js"), { group: "provisioning", needs: [["vouch:ListPairings", "vouch:LookUpPairing"]], key: "p" });
route("claims", () => import("./page-claims.js"), { group: "provisioning", needs: [["vouch:ListClaims", "iot:CreateProvisioningClaim"]], key: "m" });
route("templates", () => import("./page-templates.js"), { group: "provisioning", needs: ["iot:ListProvisioningTemplates"], key: "e" });
route("policies", () => import("./page-policies.js"), { group: "provisioning", needs: ["iot:ListPolicies"], key: "y" });
route("hooks", () => import("./page-hooks.js"), { group: "provisioning", needs: ["vouch:ListHooks"], key: "h" });

route("ledger", () => import("./page-ledger.js"), { group: "insight", needs: ["vouch:ListLedger"], key: "r" });
route("why", () => import("./page-why.js"), { group: "insight", needs: [["vouch:Why", "vouch:Explain", "iot:TestAuthorization"]], key: "w" });

route("users", () => import("./page-users.js"), { group: "server", needs: ["vouch:ListUsers"], key: "u" });
route("settings", () => import("./page-settings.js"), { group: "server", needs: [], key: "s" });
route("search", () => import("./page-search.js"), { group: "none", needs: [] }); // found by its address alone
