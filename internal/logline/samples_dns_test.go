package logline

var dnsSamples = []sample{
	{"bind", []string{`24-Nov-2026 08:55:46.425 client @0x7f65100ee4d8 203.0.113.9#3076 (example.com): query (cache) 'example.com/ANY/IN' denied`}, `query denied from=203.0.113.9#3076 name=example.com zone=machine`},
	{"bind", []string{`Nov 24 08:55:46 ns named[811]: client @0x7f6 192.0.2.7#50111 (www.example): view interna: query: www.example IN A +E(0)K (192.0.2.53)`}, `query success from=192.0.2.7#50111 to=192.0.2.53 name=www.example on=ns zone=machine`},
	{"unbound", []string{`[1795510546] unbound[811:0] info: 192.0.2.7 www.example. A IN`}, `query success from=192.0.2.7 name=www.example zone=line`},
	{"unbound", []string{`Nov 24 08:55:46 ns unbound: [811:0] info: 192.0.2.7 mal.example. A IN NXDOMAIN 0.000000 1 40`}, `query failure from=192.0.2.7 name=mal.example on=ns zone=machine`},
	{"windows-dns", []string{`24/11/2026 08:55:46 0E3C PACKET  0000020C UDP Rcv 192.0.2.7       5f3a   Q [0001   D   NOERROR] A      (3)www(6)comune(7)example(0)`}, `query from=192.0.2.7 name=www.comune.example zone=machine`},
	{"dnsmasq", []string{`Nov 24 08:55:46 gate dnsmasq[811]: query[AAAA] www.example from 192.0.2.7`}, `query success from=192.0.2.7 name=www.example on=gate zone=machine`},
}
