#include "core/binding.h"
#include "core/policy_priv.h"

bool vch_network_valid(struct vch_str network) {
    struct vch_pol_net net;
    return vch_pol_net(network, &net) == VCH_OK;
}

bool vch_network_holds(struct vch_str network, struct vch_str ip) {
    struct vch_pol_net net, address;
    if (vch_pol_net(network, &net) != VCH_OK || vch_pol_net(ip, &address) != VCH_OK) return false;
    return vch_pol_net_holds(&net, &address);
}
