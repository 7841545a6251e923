/* Pages of lists, both of AWS's families: marker, pageSize, nextMarker and
 * nextToken, maxResults, nextToken. A token names where the next page begins
 * and is bound to its query by a code under the server's key: another list,
 * another order or another parameter refuses it with PAGE_TOKEN_INVALID.
 */
#ifndef VCH_SERVICE_PAGE_H
#define VCH_SERVICE_PAGE_H

#include "service/call.h"

struct vch_paging {
    bool marker;          /* the family */
    const char *list;     /* the operation's name */
    struct vch_str scope; /* the query's other parameters, in one string */
    struct vch_page page; /* for the store; filled by open except `descending` */
};

/* `descending` must be set before: it is bound too. */
enum vch_err vch_paging_open(struct vch_call *call, struct vch_paging *paging) VCH_MUST;
/* Puts the token of the next page when there is one. */
enum vch_err vch_paging_close(struct vch_call *call, const struct vch_paging *paging, bool more, struct vch_str last) VCH_MUST;

#endif
