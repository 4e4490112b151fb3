package logline

// role is what a key means in every product that has it. Only keys whose
// meaning nobody can mistake have one.
type role uint8

const (
	noRole role = iota
	roleSrc
	roleSrcPort
	roleDst
	roleDstPort
	roleNAT
	roleNATPort
	roleProto
	roleUser
	roleDomain
	roleDevice
	roleHost
	rolePath
	roleMethod
	roleStatus
	roleAgent
	roleReferer
	roleQuery
	roleThreat
	roleLevel
	roleTime
	roleZone
	roleForwarded
	roleClock // of a record that parts date and time
	roleDate
	roleEventTime
	roleKind
	roleSub
	roleAct
	roleUTM
	roleResult
	roleDesc
	roleLogID
)

func roleOf(s string) role {
	switch s {
	case "src", "srcip", "src_ip", "srcIp", "srcIP", "SrcIP", "source_ip", "sourceip", "sourceIp", "SourceIP", "SourceIp", "source.ip", "source_address", "sourceAddress",
		"src_addr", "srcaddr", "remip", "client_ip", "clientip", "clientIp", "clientIP", "ClientIP", "client.ip", "client_addr", "client_address", "ClientAddr", "remote_ip", "remoteip", "remoteIp",
		"remote_addr", "remoteAddr", "remote_address", "rhost", "peer_ip", "peer_addr", "ipAddress", "IpAddress", "IPAddress", "ip_address", "sourceIPAddress", "callerIpAddress", "c-ip",
		"source-address", "id.orig_h", "SRC", "attacker_ip", "ClientIPAddress", "SourceAddress", "initiator_ip", "realip", "real_ip", "srcIPaddress":
		return roleSrc
	case "srcport", "src_port", "srcPort", "SrcPort", "spt", "sport", "source_port", "sourcePort", "SourcePort", "source.port", "client_port", "clientPort", "ClientPort", "client.port", "remote_port",
		"remotePort", "peer_port", "IpPort", "source-port", "id.orig_p", "SPT", "s_port":
		return roleSrcPort
	case "dst", "dstip", "dst_ip", "dstIp", "dstIP", "dest_ip", "destip", "destination_ip", "destinationIp", "DestinationIp", "destinationIP", "destination.ip", "destination_address", "destinationAddress",
		"dst_addr", "dest_addr", "server_ip", "serverIp", "destination-address", "id.resp_h", "DST", "DestinationAddress", "s-ip", "locip", "local_ip":
		return roleDst
	case "dstport", "dst_port", "dstPort", "DstPort", "dpt", "dport", "dest_port", "destport", "destination_port", "destinationPort", "DestinationPort", "destination.port", "destination-port", "id.resp_p",
		"DPT", "s-port", "server_port", "service_port":
		return roleDstPort
	case "transip", "tran_src_ip", "sourceTranslatedAddress", "srcPostNAT", "modsrc", "xlatesrc", "nat-source-address", "translated_src_ip", "NATsrcip", "natsrcip":
		return roleNAT
	case "transport", "tran_src_port", "sourceTranslatedPort", "srcPostNATPort", "modsrcport", "xlatesport", "nat-source-port", "snpt":
		return roleNATPort
	case "proto", "protocol", "PROTO", "Protocol", "ip_proto", "protocol-id", "ipproto", "network.transport", "transport_protocol":
		return roleProto
	case "user", "usrName", "username", "userName", "UserName", "user_name", "suser", "susr", "src_user", "srcuser", "usr", "login", "user.name", "cs-username", "acct", "src_user_name":
		return roleUser
	case "devname", "device_name", "dvchost", "devicehostname", "hostname", "host", "Computer", "computer_name", "ComputerName", "devid", "agent.hostname", "computerName", "host.name", "dvc_host",
		"sn", "fw", "device_id", "agentRealtimeInfo.agentComputerName", "observer.name", "orig_hostname":
		return roleDevice
	case "http_host", "dhost", "cs-host", "http.hostname", "vhost", "server_name", "domain_name":
		return roleHost
	case "url", "uri", "request", "cs-uri-stem", "http.url", "path", "request_uri", "requestUrl", "url.original", "http_path":
		return rolePath
	case "http_method", "requestMethod", "cs-method", "http.http_method", "method", "httpmethod":
		return roleMethod
	case "sc-status", "http_status", "status_code", "statusCode", "http.status", "httpresponsecode":
		return roleStatus
	case "user_agent", "userAgent", "http_user_agent", "cs(User-Agent)", "agent", "requestClientApplication", "useragent", "http.http_user_agent", "user_agent.original":
		return roleAgent
	case "referer", "referrer", "cs(Referer)", "http_referer", "http.http_refer", "requestContext":
		return roleReferer
	case "qname", "dns.rrname", "query", "QueryName", "dns_query", "query_name":
		return roleQuery
	case "attack", "virus", "threat", "threat_name", "threatName", "ThreatName", "signature", "alert.signature", "virusname", "Threat Name", "attack_name", "malwareName", "detectionName", "threatInfo.threatName",
		"BitdefenderGZMalwareName", "signature_name":
		return roleThreat
	case "severity", "level", "crlevel", "sev", "Severity", "threatInfo.confidenceLevel", "pri", "urgency":
		return roleLevel
	case "tz", "timezone", "time_zone", "tzone":
		return roleZone
	case "timestamp", "@timestamp", "ts", "datetime", "TimeGenerated", "eventTime", "event_time", "EventTime", "devTime", "rt", "createdAt", "created_at", "date_time", "TimeCreated", "event.created":
		return roleTime
	case "x_forwarded_for", "x-forwarded-for", "X-Forwarded-For", "xff", "http.xff", "forwarded":
		return roleForwarded
	}
	return rolePart(s)
}

// rolePart knows the keys that only matter together with others.
func rolePart(s string) role {
	switch s {
	case "time":
		return roleClock
	case "date":
		return roleDate
	case "eventtime":
		return roleEventTime
	case "type":
		return roleKind
	case "subtype":
		return roleSub
	case "action":
		return roleAct
	case "utmaction":
		return roleUTM
	case "status":
		return roleResult
	case "logdesc":
		return roleDesc
	case "logid":
		return roleLogID
	}
	return noRole
}

// roles fills the event from the fields whose role is known. The first value
// of each counts: what stands further back in a record is more often text that
// somebody chose.
func (r *Reader) assign() {
	e := &r.ev
	var zone []byte
	for i, ro := range r.roles {
		if ro == noRole || ro > roleClock {
			continue
		}
		v := r.fields[i].Value
		if len(v) == 0 {
			continue
		}
		switch ro {
		case roleSrc:
			if !e.Source.IsValid() && !e.from(v) {
				e.Source = addr(v)
			}
		case roleSrcPort:
			first(&e.SrcPort, v)
		case roleDst:
			if !e.Dest.IsValid() && !e.to(v) {
				e.Dest = addr(v)
			}
		case roleDstPort:
			first(&e.DestPort, v)
		case roleNAT:
			if !e.NATSource.IsValid() {
				e.NATSource = addr(v)
			}
		case roleNATPort:
			first(&e.NATPort, v)
		case roleProto:
			if e.Proto == "" {
				e.Proto = protocol(v)
			}
		case roleUser:
			if e.User == nil {
				e.person(v)
			}
		case roleZone:
			zone = v
		default:
			r.assignMore(ro, v)
		}
	}
	if zone != nil {
		r.shiftNamed(zone)
	}
}

func (r *Reader) assignMore(ro role, v []byte) {
	e := &r.ev
	switch ro {
	case roleDomain:
		set(&e.UserDomain, v)
	case roleDevice:
		set(&e.Device, v)
	case roleHost:
		set(&e.Host, v)
	case rolePath:
		set(&e.Path, v)
	case roleMethod:
		set(&e.Method, v)
	case roleStatus:
		first(&e.Status, v)
	case roleAgent:
		set(&e.Agent, v)
	case roleReferer:
		set(&e.Referer, v)
	case roleQuery:
		set(&e.Name, v)
	case roleThreat:
		set(&e.Threat, v)
	case roleLevel:
		if r.level == nil {
			r.level = v
		}
	case roleTime, roleClock:
		if e.Zone != ZoneLine && len(v) > 8 {
			r.whenField(v)
		}
	}
}

func first(to *int, v []byte) {
	if *to == 0 {
		if n, ok := number(v); ok && n < 1<<24 {
			*to = n
		}
	}
}

func set(to *[]byte, v []byte) {
	if *to == nil && !nobody(v) {
		*to = v
	}
}
