vch_fuzz(trust ROOMS service)
vch_fuzz(hook_answer ROOMS service)
vch_fuzz(oidc_token ROOMS service)
