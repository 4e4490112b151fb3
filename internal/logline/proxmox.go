package logline

import "bytes"

var proxmoxForms = compile(
	form{text: "authentication failure; rhost={from} user={user} msg=no such user", action: InvalidUser, outcome: Failure},
	form{text: "authentication failure; rhost={from} user={user} msg=", action: Login, outcome: Failure},
	form{text: "<{user-}> successful auth for user '", action: Login, outcome: Success},
	form{text: "successful auth for user '{user}'", action: Login, outcome: Success},
	form{text: "<{user-}> starting task UPID:{name}", action: Command, outcome: Success},
	form{text: "<{user-}> end task UPID:{name}", action: Other},
)

func (r *Reader) proxmox(msg []byte) bool {
	r.ev.Product, r.ev.Action = "proxmox", Other
	proxmoxForms.read(msg, &r.ev)
	return true
}

// proxmoxFirewall reads "101 1 tap101i0-IN 20/Jun/2022:13:12:46 +0200 REJECT: IN=…".
func (r *Reader) proxmoxFirewall(b []byte) bool {
	vm, rest := word(b)
	_, rest = word(rest)
	chain, rest := word(rest)
	if digits(vm) != len(vm) || len(chain) < 4 {
		return false
	}
	rest, ok := r.clf(rest)
	if !ok {
		return false
	}
	rest = trim(rest)
	in := index(rest[:min(len(rest), 60)], "=")
	if in < 0 {
		return false
	}
	head := rest[:max(bytes.LastIndexByte(rest[:in], ' '), 0)]
	r.pairs(rest[len(head):], ' ')
	if !r.netfilterFields(head) {
		return false
	}
	r.ev.Product, r.ev.Channel = "proxmox", chain
	return true
}
