package cel

import (
	"fmt"
	"net/netip"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Networks. Addresses are those of isIP; a text that is none is in no network.
var networkFunctions = []function{
	{name: "inCIDR", style: global,
		doc:      "Whether a text is an IP address in a network such as '10.0.0.0/8' or '2001:db8::/32', which is a constant.",
		examples: []string{"inCIDR('10.1.2.3', '10.0.0.0/8')", "!inCIDR('11.1.2.3', '10.0.0.0/8')", "inCIDR('2001:db8::1', '2001:db8::/32')"},
		forms: []form{{
			id: "in_cidr", in: []*types.Type{types.StringType, types.StringType}, out: types.BoolType, total: true,
			check: func(literals []ref.Val) *wrong {
				text, ok := literals[1].(types.String)
				if !ok {
					return &wrong{1, "the network is a constant", "write inCIDR(x, '10.0.0.0/8')"}
				}
				if _, err := netip.ParsePrefix(string(text)); err != nil {
					return &wrong{1, fmt.Sprintf("%q is no network", string(text)), "write '10.0.0.0/8' or '2001:db8::/32'"}
				}
				return nil
			},
			eval: func(a []ref.Val) ref.Val {
				network, err := netip.ParsePrefix(string(a[1].(types.String)))
				if err != nil {
					return types.WrapErr(err)
				}
				return types.Bool(within(string(a[0].(types.String)), network))
			},
			duckdb: inCIDR, spark: inCIDR}}},
	textTestOf("isPrivateIP", "Whether a text is an IP address for private use: 10/8, 172.16/12, 192.168/16 or fc00::/7.",
		func(s string) bool {
			for _, network := range privateNetworks {
				if within(s, netip.MustParsePrefix(network)) {
					return true
				}
			}
			return false
		},
		func(w *writer, s string) (string, error) {
			var parts []string
			for _, network := range privateNetworks[:3] {
				parts = append(parts, w.inNetwork(s, netip.MustParsePrefix(network)))
			}
			private6 := w.fullMatch(s, `[Ff][CcDd][0-9A-Fa-f]{2}:.*`) + " AND " + w.fullMatch(s, ipv6)
			return "(" + strings.Join(parts, " OR ") + " OR " + private6 + ")", nil
		}, "isPrivateIP('192.168.1.1')", "isPrivateIP('fd00::1')", "!isPrivateIP('8.8.8.8')"),
}

var privateNetworks = []string{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"}

func within(s string, network netip.Prefix) bool {
	address, err := netip.ParseAddr(s)
	return err == nil && address.Zone() == "" && network.Masked().Contains(address)
}

func inCIDR(w *writer, a []term) (string, error) {
	text, _ := a[1].lit.(types.String)
	network, err := netip.ParsePrefix(string(text))
	if err != nil || !network.Addr().Is4() {
		return "", w.unsupported("a network of IPv6")
	}
	return w.inNetwork(a[0].sql, network), nil
}

// inNetwork compares the address as a number with the first and the last of an
// IPv4 network.
func (w *writer) inNetwork(s string, network netip.Prefix) string {
	first := network.Masked().Addr().As4()
	low := uint64(first[0])<<24 | uint64(first[1])<<16 | uint64(first[2])<<8 | uint64(first[3])
	high := low | (1<<(32-network.Bits()) - 1)
	var parts []string
	for i, factor := range []int{1 << 24, 1 << 16, 1 << 8, 1} {
		part := fmt.Sprintf("split_part(%s, '.', %d)", s, i+1)
		parts = append(parts, fmt.Sprintf("CAST(%s AS BIGINT) * %d", part, factor))
	}
	return w.guarded(s, ipv4, fmt.Sprintf("%s BETWEEN %d AND %d", strings.Join(parts, " + "), low, high))
}
