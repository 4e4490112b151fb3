package logline

import "bytes"

var esxiForms = compile(
	form{text: "Cannot login user {user}@{ip}: ", action: Login, outcome: Failure},
	form{text: "Cannot login {user}@{ip}", action: Login, outcome: Failure},
	form{text: "User {user}@{ip} logged in", action: Login, outcome: Success},
	form{text: "User {user}@{ip} logged out", action: Logout},
	form{text: "Accepted password for user {user} from {ip}", action: Login, outcome: Success},
	form{text: "Rejected password for user {user} from {ip}", action: Login, outcome: Failure},
	form{text: "Remote access for ESXi local user account '{user}' has been locked for", action: Lockout, outcome: Failure},
	form{text: "SSH access has been enabled", action: Change, outcome: Success},
	form{text: "SSH session was opened for '{user}@{ip}'", action: Login, outcome: Success},
	form{text: "SSH login has failed for '{user}@{ip}'", action: Login, outcome: Failure},
	form{text: "Firewall configuration has changed", action: Change, outcome: Success},
)

// esxi reads hostd, vobd and vCenter's vpxd: "info hostd[2101] [Originator@6876
// sub=Vimsvc.ha-eventmgr] Event 12 : User root@192.0.2.7 logged in as …".
func (r *Reader) esxi(msg []byte) bool {
	e := &r.ev
	i := index(msg[:min(len(msg), 160)], "[Originator@6876")
	said := msg
	if i >= 0 {
		j := bytes.IndexByte(msg[i:], ']')
		if j < 0 {
			return false
		}
		r.pairs(msg[i+1:i+j], ' ')
		said = trim(msg[i+j+1:])
	} else if j := index(msg[:min(len(msg), 120)], "[esx."); j >= 0 {
		k := bytes.IndexByte(msg[j:], ']')
		if k < 0 {
			return false
		}
		r.add("event", msg[j+1:j+k])
		said = trim(msg[j+k+1:])
	} else if !starts(said, "Event ") {
		return false
	}
	e.Product, e.Action = "esxi", Other
	if starts(e.Process, "vpxd") || starts(e.Process, "vpx") || has(msg[:max(i, 0)], "vpxd") {
		e.Product = "vcenter"
	}
	if starts(said, "[VpxdMoEventManager]") || starts(said, "Event [") {
		e.Product = "vcenter"
	}
	for _, sep := range [...]string{" : ", "] [", "]: "} {
		if esxiForms.read(said, e) {
			return true
		}
		if _, rest, ok := cut(said, sep); ok {
			if esxiForms.read(rest, e) {
				return true
			}
			said = rest
		}
	}
	return true
}

// vcenterEvent reads what vCenter forwards: "Event [123] [1-1] [time] [vim.event.BadUsernameSessionEvent]
// [error] [user] [] [123] [Cannot login NAME@IP]".
func (r *Reader) vcenterEvent(msg []byte) bool {
	e := &r.ev
	i := index(msg[:min(len(msg), 240)], "[vim.event.")
	if i < 0 {
		return false
	}
	e.Product, e.Action = "vcenter", Other
	e.Channel = between(msg[i:], "[", "]")
	j := lastIndex(msg, " [")
	for j > i {
		if esxiForms.read(bytes.TrimSuffix(msg[j+2:], []byte("]")), e) {
			return true
		}
		j = lastIndex(msg[:j], " [")
	}
	return true
}
