/* From settings to what the agent does with tokens and after provisioning. */
#ifndef VCH_AGENT_LIFE_H
#define VCH_AGENT_LIFE_H

#include "agent/options.h"
#include "agent/serve.h"

/* The AWS client's secure-element settings as a key URI, the PIN and the module
 * handed to keystore.h. Before the first key is read. CONFIG, CREDENTIALS. */
enum vch_exit vch_life_tokens(struct vch_options *options, struct vch_report *report,
                              struct vch_outcome *outcome) VCH_MUST;
/* --csr auto: a key of --key-type and its request; `key` gets PEM text or the URI of --device-key. */
enum vch_exit vch_life_request(const struct vch_options *options, struct vch_buf *key, struct vch_buf *request,
                               struct vch_outcome *outcome) VCH_MUST;

/* Fills the settings of `serve` and `renew`, whose link, state, runtime and so on are set. CONFIG. */
enum vch_exit vch_life_settings(const struct vch_options *options, struct vch_serve *serve, struct vch_renew *renew,
                                struct vch_outcome *outcome) VCH_MUST;
/* The deviceConfiguration for other programs, when --device-config-file asks for it. */
enum vch_exit vch_life_device_config(const struct vch_options *options, const struct vch_runtime *runtime,
                                     struct vch_outcome *outcome) VCH_MUST;
/* Provisioning was refused: the program of --on-event hears of it. */
void vch_life_refused(const struct vch_options *options, struct vch_report *report, const struct vch_outcome *outcome);

#endif
