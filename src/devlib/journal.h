/* The record of an exchange under way: bytes for the caller's storage, and back.
 *
 * Layout: "vd", version 1, kind, then template, certificate id and token, each
 * behind two bytes of length, then the CRC-32 of all that. Pure but for the
 * callbacks of struct vch_device_storage; what does not check counts as none.
 */
#ifndef VCH_DEVLIB_JOURNAL_H
#define VCH_DEVLIB_JOURNAL_H

#include "base/str.h"
#include "vouch/device.h"

struct vch_journal_record {
    bool any, rotation;
    struct vch_str template_name, certificate_id, token; /* the token is a secret */
};

/* False: none, or not one of ours. The views point into `bytes`. */
bool vch_journal_parse(struct vch_str bytes, struct vch_journal_record *ret);

/* Puts the record at the very end of the device's `out`, where it stays, with
 * device->out_reserved telling its size, until vch_journal_forget. */
enum vch_device_status vch_journal_recall(struct vch_device *device, const struct vch_device_storage *storage,
                                          struct vch_journal_record *ret);
void vch_journal_forget(struct vch_device *device);
/* Composes at the start of `out`, and wipes it. */
enum vch_device_status vch_journal_keep(struct vch_device *device, const struct vch_device_storage *storage,
                                        const struct vch_journal_record *record);

#endif
