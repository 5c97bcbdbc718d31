"""The outcome of an audit in forms that others read: tables, code scanning, security lakes, a page. All pure."""
