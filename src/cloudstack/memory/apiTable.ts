/**
 * What CloudStack 4.22 declares about each command: asynchronous or not, and per parameter its name, type, whether it is
 * required, its length and whether it is newer than the first release.
 *
 * One entry reads `name:type`, then `!` if required, a length if it is not 255, `@` if a uuid has a `since`. Types: `u`
 * uuid, `s` string, `i` integer, `b` boolean, `l` list, `m` map, `d` date. The order is the one in which the server
 * looks at them, because it reports the first thing that is wrong.
 */
export const asyncCommands: Readonly<Record<string, string>> = {
  addIpToNic: "nicid:u! ipaddress:s",
  addNicToVirtualMachine: "networkid:u! virtualmachineid:u! dhcpoptions:m ipaddress:s macaddress:s",
  assignCertToLoadBalancer: "certid:u! lbruleid:u! forced:b",
  assignToLoadBalancerRule: "id:u! virtualmachineids:l vmidipmap:m",
  associateIpAddress:
    "account:s domainid:u zoneid:u networkid:u projectid:u vpcid:u isportable:b regionid:i fordisplay:b ipaddress:s",
  createEgressFirewallRule:
    "networkid:u! protocol:s! cidrlist:l destcidrlist:l endport:i fordisplay:b icmpcode:i icmptype:i startport:i type:s",
  createFirewallRule:
    "ipaddressid:u! protocol:s! startport:i endport:i cidrlist:l icmptype:i icmpcode:i type:s fordisplay:b",
  createIpv6FirewallRule:
    "networkid:u! protocol:s! cidrlist:l destcidrlist:l endport:i fordisplay:b icmpcode:i icmptype:i startport:i traffictype:s",
  createLBHealthCheckPolicy:
    "lbruleid:u! description:s fordisplay:b healthythreshold:i intervaltime:i pingpath:s responsetimeout:i unhealthythreshold:i",
  createLBStickinessPolicy: "lbruleid:u! description:s name:s! methodname:s! param:m fordisplay:b",
  createLoadBalancer:
    "algorithm:s! instanceport:i! name:s! networkid:u! scheme:s! sourceipaddressnetworkid:u! sourceport:i! description:s4096 fordisplay:b sourceipaddress:s",
  createLoadBalancerRule:
    "algorithm:s! description:s4096 name:s! privateport:i! publicipid:u zoneid:u publicport:i! openfirewall:b account:s domainid:u cidrlist:l networkid:u protocol:s fordisplay:b",
  createNetworkACL:
    "protocol:s! startport:i endport:i cidrlist:l icmptype:i icmpcode:i networkid:u aclid:u traffictype:s number:i action:s fordisplay:b reason:s",
  createNetworkACLList: "name:s! description:s fordisplay:b vpcid:u",
  createPortForwardingRule:
    "ipaddressid:u! privateport:i! protocol:s! privateendport:i publicport:i! publicendport:i virtualmachineid:u! cidrlist:l openfirewall:b networkid:u vmguestip:s fordisplay:b",
  createRoutingFirewallRule:
    "networkid:u! protocol:s! cidrlist:l destcidrlist:l endport:i fordisplay:b icmpcode:i icmptype:i startport:i traffictype:s",
  createTags: "tags:m! resourcetype:s! resourceids:l! customer:s",
  deleteEgressFirewallRule: "id:u!",
  deleteFirewallRule: "id:u!",
  deleteIpv6FirewallRule: "id:u!",
  deleteLBHealthCheckPolicy: "id:u!",
  deleteLBStickinessPolicy: "id:u!",
  deleteLoadBalancer: "id:u!",
  deleteLoadBalancerRule: "id:u!",
  deleteNetworkACL: "id:u!",
  deleteNetworkACLList: "id:u!",
  deletePortForwardingRule: "id:u!",
  deleteRoutingFirewallRule: "id:u!",
  deleteTags: "tags:m resourcetype:s! resourceids:l!",
  deployVirtualMachine:
    "serviceofferingid:u! zoneid:u! account:s affinitygroupids:l affinitygroupnames:l bootintosetup:b bootmode:s boottype:s clusterid:u@ copyimagetags:b customid:s datadiskofferinglist:m datadisksdetails:m deploymentplanner:s details:m dhcpoptionsnetworklist:m diskofferingid:u displayname:s displayvm:b domainid:u dynamicscalingenabled:b externaldetails:m extraconfig:s5120 group:s hostid:u hypervisor:s iodriverpolicy:s iothreadsenabled:b ip6address:s ipaddress:s iptonetworklist:m keyboard:s keypair:s keypairs:l leaseduration:i leaseexpiryaction:s macaddress:s name:s networkids:l nicmultiqueuenumber:i nicnetworklist:m nicpackedvirtqueuesenabled:b overridediskofferingid:u@ password:s podid:u@ projectid:u properties:m rootdisksize:i securitygroupids:l securitygroupnames:l size:i snapshotid:u@ startvm:b templateid:u userdata:s1048576 userdatadetails:m userdataid:u@ volumeid:u@",
  destroyVirtualMachine: "id:u! expunge:b volumeids:l",
  disableStaticNat: "ipaddressid:u!",
  disassociateIpAddress: "id:u ipaddress:s",
  expungeVirtualMachine: "id:u!",
  moveNetworkAclItem: "id:s! aclconsistencyhash:s customid:s nextaclruleid:s previousaclruleid:s",
  rebootVirtualMachine: "id:u! bootintosetup:b forced:b",
  removeCertFromLoadBalancer: "lbruleid:u!",
  removeFromLoadBalancerRule: "id:u! virtualmachineids:l vmidipmap:m",
  removeIpFromNic: "id:u!",
  removeNicFromVirtualMachine: "nicid:u! virtualmachineid:u!",
  replaceNetworkACLList: "aclid:u! gatewayid:u networkid:u",
  startVirtualMachine: "id:u! bootintosetup:b clusterid:u considerlasthost:b deploymentplanner:s hostid:u@ podid:u",
  stopVirtualMachine: "id:u! forced:b",
  updateFirewallRule: "id:u! customid:s fordisplay:b",
  updateIpAddress: "id:u! customid:s fordisplay:b",
  updateIpv6FirewallRule:
    "id:u! cidrlist:l customid:s endport:i fordisplay:b icmpcode:i icmptype:i protocol:s startport:i traffictype:s",
  updateLBHealthCheckPolicy: "id:u! customid:s fordisplay:b",
  updateLBStickinessPolicy: "id:u! customid:s fordisplay:b",
  updateLoadBalancer: "id:u! customid:s fordisplay:b",
  updateLoadBalancerRule: "id:u! algorithm:s cidrlist:l customid:s description:s4096 fordisplay:b name:s protocol:s",
  updateNetworkACLItem:
    "id:u! action:s cidrlist:l customid:s endport:i fordisplay:b icmpcode:i icmptype:i number:i partialupgrade:b protocol:s reason:s startport:i traffictype:s",
  updateNetworkACLList: "id:u! customid:s description:s fordisplay:b name:s",
  updateRoutingFirewallRule: "id:u! customid:s fordisplay:b"
}

export const syncCommands: Readonly<Record<string, string>> = {
  createNetwork:
    "name:s! networkofferingid:u! zoneid:u! account:s aclid:u acltype:s asnumber:i associatednetworkid:u@ bgppeerids:l bypassvlanoverlapcheck:b cidrsize:i displaynetwork:b displaytext:s dns1:s dns2:s domainid:u endip:s endipv6:s externalid:s gateway:s hideipaddressusage:b ip6cidr:s ip6dns1:s ip6dns2:s ip6gateway:s isolatedpvlan:s isolatedpvlantype:s netmask:s networkdomain:s physicalnetworkid:u privatemtu:i projectid:u publicmtu:i routerip:s routeripv6:s sourcenatipaddress:s startip:s startipv6:s subdomainaccess:b tungstenvirtualrouteruuid:s vlan:s vpcid:u",
  deleteSslCert: "id:u!",
  enableStaticNat: "ipaddressid:u! virtualmachineid:u! networkid:u vmguestip:s",
  getApiLimit: "",
  getUser: "userapikey:s!",
  getUserKeys: "id:u!",
  listAccounts:
    "accounttype:i apikeyaccess:s details:l domainid:u id:u iscleanuprequired:b isrecursive:b keyword:s listall:b name:s page:i pagesize:i showicon:b state:s tag:s",
  listApis: "name:s",
  listAsyncJobs:
    "account:s domainid:u isrecursive:b keyword:s listall:b managementserverid:u@ page:i pagesize:i startdate:d",
  listCapabilities: "",
  listEgressFirewallRules:
    "account:s domainid:u fordisplay:b id:u ipaddressid:u isrecursive:b keyword:s listall:b networkid:u page:i pagesize:i projectid:u tags:m",
  listEvents:
    "account:s archived:b domainid:u duration:i enddate:d entrytime:i id:u isrecursive:b keyword:s level:s listall:b page:i pagesize:i projectid:u resourceid:s resourcetype:s startdate:d startid:u state:s type:s",
  listFirewallRules:
    "account:s domainid:u fordisplay:b id:u ipaddressid:u isrecursive:b keyword:s listall:b networkid:u@ page:i pagesize:i projectid:u tags:m",
  listIpv6FirewallRules:
    "account:s domainid:u fordisplay:b id:u isrecursive:b keyword:s listall:b networkid:u page:i pagesize:i projectid:u tags:m traffictype:s",
  listLBHealthCheckPolicies: "fordisplay:b id:u@ keyword:s lbruleid:u page:i pagesize:i",
  listLBStickinessPolicies: "fordisplay:b id:u keyword:s lbruleid:u page:i pagesize:i",
  listLoadBalancerRuleInstances: "id:u! applied:b keyword:s lbvmips:b page:i pagesize:i",
  listLoadBalancerRules:
    "account:s domainid:u fordisplay:b id:u isrecursive:b keyword:s listall:b name:s networkid:u page:i pagesize:i projectid:u publicipid:u tags:m virtualmachineid:u zoneid:u",
  listLoadBalancers:
    "account:s domainid:u fordisplay:b id:u isrecursive:b keyword:s listall:b name:s networkid:u page:i pagesize:i projectid:u scheme:s sourceipaddress:s sourceipaddressnetworkid:u tags:m",
  listManagementServers: "id:u keyword:s name:s page:i pagesize:i peers:b",
  listManagementServersMetrics: "id:u keyword:s name:s page:i pagesize:i peers:b system:b",
  listNetworkACLLists:
    "account:s domainid:u fordisplay:b id:u isrecursive:b keyword:s listall:b name:s networkid:u page:i pagesize:i projectid:u vpcid:u",
  listNetworkACLs:
    "account:s aclid:u action:s domainid:u fordisplay:b id:u isrecursive:b keyword:s listall:b networkid:u page:i pagesize:i projectid:u protocol:s tags:m traffictype:s",
  listNetworkOfferings:
    "availability:s displaytext:s domainid:u@ forvpc:b guestiptype:s id:u isdefault:b istagged:b keyword:s name:s networkid:u page:i pagesize:i routingmode:s sourcenatsupported:b specifyipranges:b specifyvlan:b state:s supportedservices:l tags:s4096 traffictype:s zoneid:u",
  listNetworks:
    "account:s acltype:s associatednetworkid:u@ canusefordeploy:b displaynetwork:b domainid:u forvpc:b id:u isrecursive:b issystem:b keyword:s listall:b name:s networkfilter:s networkofferingid:u page:i pagesize:i physicalnetworkid:u projectid:u restartrequired:b retrieveonlyresourcecount:b showicon:b specifyipranges:b supportedservices:l tags:m traffictype:s type:s vlan:s vpcid:u zoneid:u",
  listNics: "virtualmachineid:u! fordisplay:b keyword:s networkid:u nicid:u page:i pagesize:i",
  listPortForwardingRules:
    "account:s domainid:u fordisplay:b id:u ipaddressid:u isrecursive:b keyword:s listall:b networkid:u@ page:i pagesize:i projectid:u tags:m",
  listProjects:
    "account:s details:l displaytext:s domainid:u id:u isrecursive:b keyword:s listall:b name:s page:i pagesize:i showicon:b state:s tags:m username:s",
  listPublicIpAddresses:
    "account:s allocatedonly:b associatednetworkid:u domainid:u fordisplay:b forloadbalancing:b forprovider:b forsystemvms:b forvirtualnetwork:b id:u ipaddress:s isrecursive:b issourcenat:b isstaticnat:b keyword:s listall:b networkid:u@ page:i pagesize:i physicalnetworkid:u projectid:u retrieveonlyresourcecount:b state:s tags:m vlanid:u vpcid:u zoneid:u",
  listRegions: "id:i keyword:s name:s page:i pagesize:i",
  listResourceLimits:
    "account:s domainid:u id:i isrecursive:b keyword:s listall:b page:i pagesize:i projectid:u resourcetype:i resourcetypename:s tag:s",
  listRoutingFirewallRules:
    "account:s domainid:u fordisplay:b id:u isrecursive:b keyword:s listall:b networkid:u page:i pagesize:i projectid:u tags:m traffictype:s",
  listServiceOfferings:
    "account:s cpunumber:i cpuspeed:i domainid:u encryptroot:b gpuenabled:b id:u isrecursive:b issystem:b keyword:s listall:b memory:i name:s page:i pagesize:i projectid:u state:s storagetype:s systemvmtype:s templateid:u@ vgpuprofileid:u@ virtualmachineid:u zoneid:u@",
  listSslCerts: "accountid:u certid:u lbruleid:u projectid:u",
  listTags:
    "account:s customer:s domainid:u isrecursive:b key:s keyword:s listall:b page:i pagesize:i projectid:u resourceid:s resourcetype:s value:s",
  listTemplates:
    "templatefilter:s! account:s arch:s details:l domainid:u extensionid:u@ forcks:b hypervisor:s id:u ids:l imagestoreid:u@ isready:b isrecursive:b isvnf:b keyword:s listall:b name:s oscategoryid:u@ page:i pagesize:i parenttemplateid:u@ projectid:u showicon:b showremoved:b showunique:b storageid:u@ tags:m templatetype:s zoneid:u",
  listUsers:
    "account:s accounttype:i apikeyaccess:s domainid:u id:u isrecursive:b keyword:s listall:b page:i pagesize:i showicon:b state:s username:s usersource:s",
  listVPCs:
    "account:s cidr:s displaytext:s domainid:u fordisplay:b id:u isrecursive:b keyword:s listall:b name:s page:i pagesize:i projectid:u restartrequired:b showicon:b state:s supportedservices:l tags:m vpcofferingid:u zoneid:u",
  listVirtualMachines:
    "account:s accumulate:b affinitygroupid:u arch:s autoscalevmgroupid:u@ backupofferingid:u@ clusterid:u@ details:l displayvm:b domainid:u extensionid:u@ forvirtualnetwork:b gpuenabled:b groupid:u haenable:b hostid:u hypervisor:s id:u ids:l isoid:u isrecursive:b isvnf:b keypair:s keyword:s leased:b listall:b name:s networkid:u page:i pagesize:i podid:u projectid:u retrieveonlyresourcecount:b securitygroupid:u@ serviceofferingid:u@ showicon:b state:s storageid:u tags:m templateid:u userdata:b userdataid:u@ userid:u vpcid:u zoneid:u",
  listVirtualMachinesMetrics:
    "account:s accumulate:b affinitygroupid:u arch:s autoscalevmgroupid:u@ backupofferingid:u@ clusterid:u details:l displayvm:b domainid:u extensionid:u@ forvirtualnetwork:b gpuenabled:b groupid:u haenable:b hostid:u hypervisor:s id:u ids:l isoid:u isrecursive:b isvnf:b keypair:s keyword:s leased:b listall:b name:s networkid:u page:i pagesize:i podid:u projectid:u retrieveonlyresourcecount:b securitygroupid:u@ serviceofferingid:u@ showicon:b state:s storageid:u tags:m templateid:u userdata:b userdataid:u@ userid:u vpcid:u zoneid:u",
  listZones:
    "available:b domainid:u id:u ids:l keyword:s name:s networktype:s page:i pagesize:i showcapacities:b showicon:b storageaccessgroup:s tags:m",
  queryAsyncJobResult: "jobid:u!",
  recoverVirtualMachine: "id:u!",
  registerUserKeys: "id:u!",
  releaseIpAddress: "id:u!",
  reserveIpAddress: "id:u! account:s domainid:u fordisplay:b projectid:u",
  resetApiLimit: "account:u",
  updateVirtualMachine:
    "id:u! cleanupdetails:b customid:s deleteprotection:b details:m dhcpoptionsnetworklist:m displayname:s displayvm:b extraconfig:s5120 group:s haenable:b instancename:s isdynamicallyscalable:b leaseduration:i leaseexpiryaction:s name:s ostypeid:u securitygroupids:l securitygroupnames:l userdata:s1048576 userdatadetails:m userdataid:u@",
  uploadSslCert:
    "certificate:s!16384 name:s! privatekey:s!16384 account:s certchain:s2097152 domainid:u enabledrevocationcheck:b password:s projectid:u"
}
