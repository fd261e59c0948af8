package chat

import "slices"

// Permission is a thing that not every role may do. The names are the API's.
type Permission string

// The permissions.
const (
	PermissionAccounts      Permission = "accounts"
	PermissionAgents        Permission = "agents"
	PermissionDepartments   Permission = "departments" // and break reasons
	PermissionEndReasons    Permission = "end_reasons"
	PermissionCannedReplies Permission = "canned_replies" // the shared ones
	PermissionTemplates     Permission = "templates"
	PermissionAPIKeys       Permission = "api_keys"
	PermissionAssign        Permission = "assign"
	PermissionSeeAll        Permission = "see_all"
)

// Permissions are what a role may do, in the order in which they are listed above.
func (r Role) Permissions() []Permission {
	switch r {
	case RoleAdmin:
		return []Permission{
			PermissionAccounts, PermissionAgents, PermissionDepartments, PermissionEndReasons, PermissionCannedReplies, PermissionTemplates,
			PermissionAPIKeys, PermissionAssign, PermissionSeeAll,
		}
	case RoleManager:
		return []Permission{PermissionEndReasons, PermissionCannedReplies, PermissionTemplates, PermissionAssign}
	}
	return nil
}

// Valid tells whether r is one of the built-in roles.
func (r Role) Valid() bool { return r == RoleAdmin || r == RoleManager || r == RoleAgent }

// Valid tells whether b is one of the behaviors.
func (b Behavior) Valid() bool {
	return b == BehaviorNormal || b == BehaviorAssignedOnly || b == BehaviorNormalAndAssigned
}

// Need refuses with CodeForbidden what the principal's role may not do. The scopes of an API key narrow it further; that is
// the gateway's to ask, route by route.
func (p Principal) Need(x Permission) error {
	if !slices.Contains(p.Role.Permissions(), x) {
		return Errorf(CodeForbidden, "the role may not do this").With("permission", string(x))
	}
	return nil
}
